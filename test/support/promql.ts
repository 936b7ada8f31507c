/** What a PromQL expression asks for, as Prometheus' own grammar sees it. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Parsed {
  readonly selectors: readonly Selector[];
  /** Labels that the expression groups or joins by. */
  readonly labels: readonly string[];
  /** Functions and aggregations in it. */
  readonly functions: readonly string[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

/** @throws when it is no PromQL, or has a selector without a name */
export const parsePromql = (expr: string): Parsed => {
  const textOf = ({ from, to }: { from: number; to: number }) => expr.slice(from, to);
  const selectors: Selector[] = [];
  const labels: string[] = [];
  const functions: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ node, type, name }) => {
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${expr}`);
      if (name === 'VectorSelector') selectors.push(selectorOf(node, textOf));
      if (name === 'FunctionIdentifier' || name === 'AggregateOp') functions.push(textOf(node));
      if (name === 'GroupingLabels') labels.push(...node.getChildren('LabelName').map(textOf));
    },
  });
  return { selectors, labels: [...new Set(labels)], functions };
};

const selectorOf = (node: Node, textOf: (part: Node) => string): Selector => {
  const name = node.getChild('Identifier');
  if (name === null) throw new Error(`a selector without a name: ${textOf(node)}`);
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  return { metric: textOf(name), matchers: matchers.map((matcher) => matcherOf(textOf(matcher))) };
};

const matcherOf = (text: string): Matcher => {
  const [, label, operator, value] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/.exec(text) ?? [];
  if (label === undefined || value === undefined || !isOperator(operator)) throw new Error(`no matcher: ${text}`);
  return { label, operator, value };
};

const isOperator = (text: string | undefined): text is Matcher['operator'] =>
  text === '=' || text === '!=' || text === '=~' || text === '!~';

/** Whether a series with these labels is selected; Prometheus anchors regular expressions. */
export const isMatch = ({ label, operator, value }: Matcher, labels: Readonly<Record<string, string>>): boolean => {
  const actual = labels[label] ?? '';
  const equal = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(actual) : actual === value;
  return operator.startsWith('!') ? !equal : equal;
};
