/**
 * Text that is found by words as people type them: another case, accent, form or spelling, the beginning of a word, a slip
 * of a key. Every word of a search narrows it; the nearer a hit's words are to those typed, the earlier it comes.
 * The parts are those of Elasticsearch's own `analysis-common`; no plugin is needed. See ADR 44.
 */
import type { estypes } from '@elastic/elasticsearch';
import type { Clause } from '../field.ts';

/** Scripts without blanks between words, and whose words no filter of a stock server knows: found by their characters. */
const UNSPACED = '\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff';

/** Signs in front of a word that make another word of it: letters that no text has, so that all filters let them be. */
const [PROJECT, CONTEXT] = ['\u02a2', '\u02a1'];
const marked = (sign: string, replacement: string) => ({
  type: 'pattern_replace' as const,
  pattern: `(?<!\\S)${sign}(\\p{L}\\S*)`,
  replacement,
});

const FOLDING = ['asciifolding', 'lowercase', 'german_normalization', 'arabic_normalization'];
const BIGRAMS = ['cjk_width', 'cjk_bigram'];

/** Analysis settings of every index. A definition that changes gets another name: Elasticsearch keeps those of an index. */
export const TEXT_ANALYSIS: estypes.IndicesIndexSettingsAnalysis = {
  char_filter: {
    text_spellings: {
      type: 'mapping',
      mappings: [
        ...['’', '‘', 'ʼ', '＇', '´', '`'].map((apostrophe) => `${apostrophe} => '`),
        // The tokenizer splits at a hyphen, and at no low line: so the parts stay one word for the filters.
        ...['-', '‐', '‑'].map((hyphen) => `${hyphen} => _`),
        ...['c', 'f']
          .flatMap((letter) => [letter, letter.toUpperCase()])
          .map((letter) => `${letter}# => ${letter}sharp`),
        ...['c', 'C'].map((letter) => `${letter}++ => ${letter}plusplus`),
        ...['ё => е', 'Ё => Е', 'ά => α', 'έ => ε', 'ή => η', 'ί => ι', 'ό => ο', 'ύ => υ', 'ώ => ω', 'ς => σ'],
        ...['Ά => Α', 'Έ => Ε', 'Ή => Η', 'Ί => Ι', 'Ό => Ο', 'Ύ => Υ', 'Ώ => Ω'],
      ],
    },
    text_projects: marked('\\+', `${PROJECT}$1 $1`),
    text_contexts: marked('@', `${CONTEXT}$1 $1`),
    text_searched_projects: marked('\\+', `${PROJECT}$1`),
    text_searched_contexts: marked('@', `${CONTEXT}$1`),
    text_unspaced: { type: 'pattern_replace', pattern: `(?<=[${UNSPACED}])(?=[${UNSPACED}])`, replacement: ' ' },
  },
  filter: {
    text_all_parts: { type: 'word_delimiter_graph', preserve_original: true, catenate_all: true },
    text_joined_parts: {
      type: 'word_delimiter_graph',
      generate_word_parts: false,
      generate_number_parts: false,
      catenate_all: true,
    },
    text_english: { type: 'stemmer', language: 'english' },
    text_russian: { type: 'stemmer', language: 'light_russian' },
    text_arabic: { type: 'stemmer', language: 'arabic' },
    text_german: { type: 'stemmer', language: 'light_german' },
    text_long: { type: 'length', min: 5 },
  },
  analyzer: {
    text_words: {
      type: 'custom',
      char_filter: ['text_spellings', 'text_projects', 'text_contexts'],
      tokenizer: 'standard',
      filter: [...BIGRAMS, 'text_all_parts', 'flatten_graph', ...FOLDING],
    },
    text_searched_words: {
      type: 'custom',
      char_filter: ['text_spellings', 'text_searched_projects', 'text_searched_contexts'],
      tokenizer: 'standard',
      filter: [...BIGRAMS, 'text_joined_parts', ...FOLDING],
    },
    text_stems: {
      type: 'custom',
      char_filter: ['text_spellings', 'text_unspaced'],
      tokenizer: 'standard',
      filter: [...BIGRAMS, 'word_delimiter_graph', ...FOLDING, 'text_english', 'text_russian', 'text_arabic'],
    },
    text_endings: {
      type: 'custom',
      char_filter: ['text_spellings'],
      tokenizer: 'standard',
      filter: ['word_delimiter_graph', ...FOLDING, 'text_german', 'text_long', 'reverse'],
    },
    text_searched_endings: {
      type: 'custom',
      char_filter: ['text_spellings'],
      tokenizer: 'standard',
      filter: ['word_delimiter_graph', ...FOLDING, 'text_german', 'reverse'],
    },
  },
};

/**
 * Mapping of a text field: the field itself for words as they are, and beside it
 * - `words`: each word folded, whole and in its parts, `user_id` as `user`, `id` and `userid`;
 * - `stems`: what inflection leaves of the parts, with their places, so that parts are found side by side;
 * - `endings`: longer words from behind, as what German puts last is what the whole is.
 */
export const TEXT_MAPPING = {
  type: 'text',
  fields: {
    words: {
      type: 'text',
      analyzer: 'text_words',
      search_analyzer: 'text_searched_words',
      index_options: 'docs',
      norms: false,
    },
    stems: { type: 'text', analyzer: 'text_stems', norms: false },
    endings: {
      type: 'text',
      analyzer: 'text_endings',
      search_analyzer: 'text_searched_endings',
      index_options: 'docs',
      norms: false,
    },
  },
} satisfies estypes.MappingProperty;

/** How a search shows where its words stand in a field with {@link TEXT_MAPPING}, in whichever form it found them there. */
export const textHighlight = (field: string): estypes.SearchHighlightField => ({
  matched_fields: [field, ...Object.keys(TEXT_MAPPING.fields).map((part) => `${field}.${part}`)],
});

/** Words of a search that are looked for in all ways; further ones as they stand, as a query may not have many parts. */
const FORGIVEN_WORDS = 16;
/** Scores of a word by how it was found, above what the field's own score tells apart within the best. */
const SCORE = { exact: 32, folded: 24, stem: 16, beginning: 8, ending: 4, slip: 1 };
/** Letters changed, missing or exchanged: none below 4 letters, then one, and two from 8 on. */
const SLIPS = 'AUTO:4,8';
/** Words of the index that a mistyped one may have meant, the nearest first. */
const SLIPS_MAX = 10;

/** A sign before or behind it makes another word of it: a project, a context, C++ and C#. */
const HAS_SIGN = /^[+@]\p{L}|\p{L}(?:#|\+\+)$/u;
/** Scripts that go by pairs of characters: side by side, they are the word, and more ways would only make the query larger. */
const IN_PAIRS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
/** Longer ones, such as addresses on the web, are pasted and not typed. */
const LONGEST_TYPED = 100;
/** What the tokenizer makes words of. */
const IS_WORD = /[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
const NO_LETTER = /[^\p{L}\p{M}\p{N}]/gu;
const DIGIT = /\p{N}/u;
const EXCLUDED = /^-(?=\p{L})/u;

/**
 * Finds the texts that have every word, but those with a hyphen in front, which none may have.
 * @param field a field with {@link TEXT_MAPPING}; on an index of before it, the words are found as they stand
 * @param words with blanks between them; nothing for blanks alone
 */
export const textClause = (field: string, words: string): Clause | undefined => {
  const pieces = words.split(/\s+/u).filter((piece) => piece !== '');
  if (pieces.length === 0) return undefined;
  const all = pieces.filter((piece) => IS_WORD.test(piece));
  // Nothing but punctuation is found nowhere; between words it restricts nothing.
  if (all.length === 0) return { must: { match_none: {} } };
  const wanted = all.filter((word) => !EXCLUDED.test(word));
  const excluded = all.filter((word) => EXCLUDED.test(word)).map((word) => word.replace(EXCLUDED, ''));
  return {
    must: {
      bool: {
        must: wanted.map((word, index) => (index < FORGIVEN_WORDS ? wordQuery(field, word) : isWord(field, word))),
        must_not: excluded.map((word) => isWord(field, word)),
      },
    },
  };
};

type Query = estypes.QueryDslQueryContainer;

const scored = (boost: number, filter: Query): Query => ({ constant_score: { boost, filter } });

/** As it stands. */
const exact = (field: string, word: string): Query => ({ match_phrase: { [field]: word } });
const folded = (field: string, word: string): Query => ({
  match: { [`${field}.words`]: { query: word, operator: 'and' } },
});

const isWord = (field: string, word: string): Query =>
  HAS_SIGN.test(word) ? { bool: { should: signed(field, word) } } : exact(field, word);

/** The field itself has no signs: it is asked only where the index has nothing else. */
const signed = (field: string, word: string): Query[] => [
  folded(field, word),
  { bool: { must: [exact(field, word)], must_not: [{ exists: { field: `${field}.words` } }] } },
];

const wordQuery = (field: string, word: string): Query => {
  const beginning = (part: string): Query => ({
    match_bool_prefix: { [`${field}.${part}`]: { query: word, operator: 'and' } },
  });
  if (HAS_SIGN.test(word)) {
    const whole = signed(field, word).map((query) => scored(SCORE.exact, query));
    return { dis_max: { queries: [...whole, scored(SCORE.beginning, beginning('words'))] } };
  }
  const queries = [
    scored(SCORE.exact, exact(field, word)),
    scored(SCORE.stem, { match_phrase: { [`${field}.stems`]: word } }),
  ];
  if (!IN_PAIRS.test(word) && word.length <= LONGEST_TYPED) {
    queries.push(scored(SCORE.folded, folded(field, word)));
    const length = Array.from(word.replace(NO_LETTER, '')).length;
    if (length > 1) queries.push(scored(SCORE.beginning, beginning('words')));
    if (length > 3 && !DIGIT.test(word)) {
      queries.push(scored(SCORE.ending, beginning('endings')), scored(SCORE.slip, mistyped(field, word)));
    }
  }
  // Among texts that have the word as it stands: how rare it is, how often it is there, and how short the text.
  return { bool: { must: [{ dis_max: { queries } }], should: [exact(field, word)] } };
};

const mistyped = (field: string, word: string): Query => ({
  match: {
    [`${field}.words`]: { query: word, operator: 'and', fuzziness: SLIPS, prefix_length: 1, max_expansions: SLIPS_MAX },
  },
});
