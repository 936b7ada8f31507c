/** What init renames in the text and the paths of a clone. The old names stand in this folder alone. */
import ts from 'typescript';
import { articleOf, pascal, snake, type Names } from './names.ts';

/** The domain's folder before a rename; a clone without it was renamed already. */
export const DOMAIN = 'services/task';

/** Files that stay as they are: the authors of the template stay its authors, and these rules say what they replace. */
export const isKept = (path: string): boolean => path === 'LICENSE' || path.startsWith('infra/init/');

/** A file that moves with its folder and keeps its text: the words are those of other tools. */
const FOREIGN_WORDS = `${DOMAIN}/import/vocabulary.ts`;

/**
 * Files that go: the test of init has nothing to rename in a renamed clone, and no release before it can run beside it, as
 * the template's have other topics and tables.
 */
export const isDropped = (path: string): boolean =>
  /^test\/(init\/|unit\/init\.test\.ts$|support\/previous-release\.ts$|(integration|cluster)\/mixed-versions\.test\.ts$|fixtures\/previous-release\.json$|load\/peers\/previous\.ts$)/.test(
    path,
  );

/** Text that stays: a number that spells the word, an id of Kafka's that must have 22 characters, a command of containerd's. */
const KEPT = /("task" in ASCII|taskstream-local-kafkA|ctr tasks)/;

/**
 * Names are replaced where they are a word of their own, or part of an identifier: `task`, `createTask`, `task_id`,
 * `TASKS_TOPIC`, but not `microtask` or `multitasking`. `\ntask` in a string is the word after a line break.
 */
const LOWER = String.raw`(?:(?<![A-Za-z])|(?<=\\[nrt]))`;
const TASK = new RegExp(`${LOWER}task(?![a-z])`, 'g');
const TASKS = new RegExp(`${LOWER}tasks(?![a-z])`, 'g');

/** An article before a name, on its line or at the end of the line before. */
const article = (name: string): RegExp =>
  new RegExp(String.raw`\b([Aa])(\s+(?:(?:\*|//|--|#) )?["'\`]?)(?=${name}(?![a-z]))`, 'g');

/** The rules, in their order: each a pattern and what takes its place. */
const rulesFor = ({ entity, plural, product }: Names): readonly (readonly [RegExp, string])[] => {
  const an = (name: string): string => (articleOf(name) === 'an' ? '$1n$2' : '$&');
  return [
    // The lines that name a test that goes.
    [/^.*(?:\btest:init\b|`mixed-versions`).*\n/gm, ''],
    [article('[Tt]ask'), an(entity)],
    [article('[Tt]askstream'), an(product)],
    [/\ba To-Do (?=service|search)/g, `${articleOf(entity)} ${entity} `],
    [/\bA To-Do (?=service|search)/g, `${pascal(articleOf(entity))} ${entity} `],
    // A key of an object literal, where a hyphen needs quotes; prettier removes those that are not needed.
    // eslint-disable-next-line regexp/no-super-linear-move -- it reads this project's own files
    [/(?<=[{,]\s*)taskstream(?=: )/g, `'${product}'`],
    // Metrics and recording rules take no hyphen, identifiers and environment variables neither.
    [/(?<!:)taskstream(?=_|:[a-z])/g, snake(product)],
    [/TASKSTREAM/g, snake(product).toUpperCase()],
    [/Taskstream/g, pascal(product)],
    [/taskstream/g, product],
    [/(?<![A-Z])TASKS(?![A-Z])/g, plural.toUpperCase()],
    [/(?<![A-Z])TASK(?![A-Z])/g, entity.toUpperCase()],
    [/(?<![A-Z])Tasks(?![a-z])/g, pascal(plural)],
    [/(?<![A-Z])Task(?![a-z])/g, pascal(entity)],
    [TASKS, plural],
    [TASK, entity],
  ];
};

/** @returns the text under the new names, and how many of the old ones it held */
export const renameText = (path: string, text: string, names: Names): { text: string; count: number } => {
  if (path === FOREIGN_WORDS) return { text, count: 0 };
  const rules = rulesFor(names);
  let count = 0;
  const renamed = quoteColumns(path, text)
    .split(KEPT)
    .map((part, index) => {
      if (index % 2 === 1) return part;
      return rules.reduce((from, [pattern, to]) => {
        count += from.match(pattern)?.length ?? 0;
        return from.replace(pattern, to);
      }, part);
    });
  return { text: renamed.join(''), count };
};

export const renamePath = (path: string, names: Names): string =>
  rulesFor(names).reduce((from, [pattern, to]) => from.replace(pattern, to), path);

/**
 * Quotes the column `task` of the pipeline's tables, as the new name may be a word of SQL, which `order` is. In files
 * of SQL, and in the strings of TypeScript that are statements.
 */
const quoteColumns = (path: string, text: string): string => {
  if (path.endsWith('.sql')) return quoteIn(text);
  if (!path.endsWith('.ts') || !/\btask\b/.test(text)) return text;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const parts: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      if (STATEMENT.test(node.getText(source))) {
        parts.push(
          ...(ts.isTemplateExpression(node) ? [node.head, ...node.templateSpans.map((s) => s.literal)] : [node]),
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return parts
    .sort((a, b) => b.pos - a.pos)
    .reduce((from, node) => {
      const [start, end] = [node.getStart(source) + 1, node.getEnd() - 1];
      return from.slice(0, start) + quoteIn(from.slice(start, end)) + from.slice(end);
    }, text);
};

const STATEMENT = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s/;

/** The column stands neither in a comment nor in a string of SQL. */
const quoteIn = (sql: string): string =>
  sql.replace(/--[^\n]*|'[^']*'|(?<![\w"-])task(?![\w"-])/g, (found) => (found === 'task' ? '"task"' : found));
