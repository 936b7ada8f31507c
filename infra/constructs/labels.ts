/** Labels, set explicitly: what a library derives from construct paths would change an immutable selector on a rename. */

export const PART_OF = 'taskstream';

/** What selects the pods of a component. It is part of a Deployment's immutable selector: never change it. */
export const selectorLabels = (component: string): Record<string, string> => ({
  'app.kubernetes.io/name': `${PART_OF}-${component}`,
  'app.kubernetes.io/part-of': PART_OF,
});

export const labelsOf = (component: string): Record<string, string> => ({
  ...selectorLabels(component),
  'app.kubernetes.io/component': component,
});
