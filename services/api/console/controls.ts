/** The inputs of the console's forms, from the list of fields: a field that is declared is shown and can be edited. */
import type { Control, Fields } from '../../pipeline/field.ts';
import { escapeHtml } from './html.ts';

export type Form = 'create' | 'edit';

/** HTML of the inputs of one form. Each names its field, its kind, and for a part of a field its name. */
export const controlsOf = (fields: Fields, form: Form): string =>
  Object.entries(fields)
    .filter(([, { isCreatable = true }]) => form === 'edit' || isCreatable)
    .flatMap(([name, { control, initial }]) => (control === undefined ? [] : [controlOf(name, control, form, initial)]))
    .join('\n');

/** @param initial what an input says that was left empty; nothing for a field that is required */
const controlOf = (name: string, control: Control, form: Form, initial: unknown): string => {
  const isRequired = initial === undefined;
  const attributes = (part?: string) =>
    `id="${form}-${part ?? name}" name="${part ?? name}" data-field="${name}" data-kind="${control.kind}"` +
    (part === undefined ? '' : ` data-part="${part}"`) +
    (isRequired ? '' : ` data-initial="${escapeHtml(JSON.stringify(initial))}"`);
  switch (control.kind) {
    case 'text': {
      // No `maxlength`: a browser cuts what is pasted without a word. The page counts, in characters as the API does.
      const rest = `data-most="${control.maxLength}"${isRequired ? ' required' : ''}`;
      return form === 'edit'
        ? labelled(name, control.label, form, `<textarea ${attributes()} dir="auto" rows="3" ${rest}></textarea>`)
        : labelled(
            name,
            control.label,
            form,
            `<input ${attributes()} dir="auto" ${rest} autocomplete="off" placeholder="${escapeHtml(control.placeholder)}" aria-describedby="create-problem">`,
            'field grow',
          );
    }
    case 'choice': {
      const options = control.options.map((option) => `<option>${escapeHtml(option)}</option>`).join('');
      return labelled(name, control.label, form, `<select ${attributes()}>${options}</select>`);
    }
    case 'timestamps': {
      const parts = Object.entries(control.labels).filter(
        ([part]) => form === 'edit' || control.onCreate.includes(part),
      );
      const inputs = parts.map(([part, label]) =>
        labelled(part, label, form, `<input ${attributes(part)} type="datetime-local" max="9999-12-31T23:59">`),
      );
      return inputs.length > 1 ? `<div class="row">${inputs.join('')}</div>` : inputs.join('');
    }
    case 'words':
      return labelled(
        name,
        control.label,
        form,
        `<input ${attributes()} dir="auto" autocomplete="off" placeholder="${escapeHtml(control.placeholder)}">`,
      );
    case 'number': {
      const bounds = (['min', 'max'] as const).flatMap((bound) =>
        control[bound] === undefined ? [] : [` ${bound}="${control[bound]}"`],
      );
      const rest = `step="any"${bounds.join('')}${isRequired ? ' required' : ''}`;
      return labelled(name, control.label, form, `<input ${attributes()} type="number" ${rest}>`);
    }
    case 'date': {
      const rest = isRequired ? ' required' : '';
      return labelled(name, control.label, form, `<input ${attributes()} type="date"${rest}>`);
    }
    case 'flag':
      return `<label class="check"><input ${attributes()} type="checkbox"> ${escapeHtml(control.label)}</label>`;
  }
};

const labelled = (id: string, label: string, form: Form, input: string, className = 'field'): string =>
  `<div class="${className}"><label for="${form}-${id}">${escapeHtml(label)}</label>${input}</div>`;
