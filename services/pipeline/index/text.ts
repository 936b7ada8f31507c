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
/** Alone, or behind a bracket or a quote that opens. */
const marked = (sign: string, replacement: string) => ({
  type: 'pattern_replace' as const,
  pattern: `(?<![^\\s(\\[{"'«“„])${sign}(\\p{L}\\S*)`,
  replacement,
});

const charactersFrom = ([first, last]: readonly [number, number]): string[] =>
  Array.from({ length: last - first + 1 }, (_, n) => String.fromCodePoint(first + n));

/** Marks that writing may leave out: accents that no letter was composed with, points and vowels of Hebrew, Arabic and Syriac. */
const MARKS = (
  [
    [0x0300, 0x036f],
    [0x0591, 0x05c7],
    [0x0610, 0x06ed],
    [0x0711, 0x074a],
  ] as const
)
  .flatMap(charactersFrom)
  .filter((character) => /\p{Mn}/u.test(character));

/** What fonts show by the look of other characters: soft hyphens, the colours of skin, and whether a sign has colours. */
const LOOKS = ['\u00ad', '\ufe0e', '\ufe0f', ...charactersFrom([0x1f3fb, 0x1f3ff])];

/** Greek letters without their accents and breathings. */
const GREEK = [...charactersFrom([0x0370, 0x03ff]), ...charactersFrom([0x1f00, 0x1fff])].flatMap((letter) => {
  const [base = '', ...marks] = letter.normalize('NFD');
  return marks.length > 0 && /\p{L}/u.test(base) ? [`${letter} => ${base}`] : [];
});

/** Katakana, of either width, as the hiragana that sounds like it: ゴミ and ごみ are one word. */
const KANA = [
  ...charactersFrom([0x30a1, 0x30f6]),
  ...charactersFrom([0xff66, 0xff9d]).flatMap((kana) => [kana, `${kana}\uff9e`, `${kana}\uff9f`]),
].flatMap((kana) => {
  const [wide = '', ...more] = kana.normalize('NFKC');
  const point = wide.codePointAt(0) ?? 0;
  return more.length > 0 || point < 0x30a1 || point > 0x30f6
    ? []
    : [`${kana} => ${String.fromCodePoint(point - 0x60)}`];
});

const FOLDING = ['asciifolding', 'lowercase', 'german_normalization', 'arabic_normalization', 'decimal_digit'];
const BIGRAMS = ['cjk_width', 'cjk_bigram'];

/** Analysis settings of every index. A definition that changes gets another name: Elasticsearch keeps those of an index. */
export const TEXT_ANALYSIS: estypes.IndicesIndexSettingsAnalysis = {
  char_filter: {
    text_spellings: {
      type: 'mapping',
      mappings: [
        ...['’', '‘', 'ʼ', 'ʻ', 'ʾ', 'ʿ', '′', '＇', '´', '`'].map((apostrophe) => `${apostrophe} => '`),
        // The tokenizer splits at a hyphen, and at no low line: so the parts stay one word for the filters.
        ...['-', '‐', '‑'].map((hyphen) => `${hyphen} => _`),
        ...['c', 'f']
          .flatMap((letter) => [letter, letter.toUpperCase()])
          .map((letter) => `${letter}# => ${letter}sharp`),
        ...['c', 'C'].map((letter) => `${letter}++ => ${letter}plusplus`),
        ...['ё => е', 'Ё => Е', ...GREEK, 'ς => σ'],
        // As keyboards of Persian and Urdu write letters of Arabic, and what Hindi writes in either way.
        ...['ک => ك', 'ی => ي', '\u0901 => \u0902', '\u093c =>'],
        ...KANA,
        ...[...MARKS, ...LOOKS].map((character) => `${character} =>`),
        ...Array.from('⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉', (digit) => `${digit} => ${digit.normalize('NFKC')}`),
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

/** A sign before or behind it makes another word of it: a project, a context (and no domain of addresses), C++ and C#. */
const HAS_SIGN = /^(?:\+|@(?!\S*\.\p{L}))\p{L}|\p{L}(?:#|\+\+)$/u;
/** Scripts that go by pairs of characters: side by side, they are the word, and more ways would only make the query larger. */
const IN_PAIRS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
/** Longer ones, such as addresses on the web, are pasted and not typed. */
const LONGEST_TYPED = 100;
/** What the tokenizer makes words of. */
const IS_WORD = /[\p{L}\p{N}\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
/** Signs such as emoji are no words for the filters: they are looked for as they were indexed, each without its {@link LOOKS}. */
const signsIn = (word: string): string[] => {
  const plain = LOOKS.reduce((text, look) => text.replaceAll(look, ''), word) || word;
  return Array.from(new Intl.Segmenter().segment(plain), ({ segment }) => segment);
};
const NO_LETTER = /[^\p{L}\p{M}\p{N}]/gu;
const DIGIT = /\p{N}/u;
/** Digits with dots between them, as a version, an address or a decimal has: 1.2 is not 12. In groups of three, they are one number. */
const IS_DOTTED = /^\p{N}+(?:\.\p{N}+)+\.?$/u;
const IS_GROUPED = /^\p{N}{1,3}(?:\.\p{N}{3})+$/u;
/** Endings that the plural exchanges, of English, French, Portuguese and Spanish, further from each other than a slip. */
const PLURALS = (
  [
    ['f', 'ves'],
    ['fe', 'ves'],
    ['al', 'aux'],
    ['al', 'ais'],
    ['el', 'eis'],
    ['ol', 'ois'],
    ['ao', 'oes'],
    ['ao', 'aes'],
    ['z', 'ces'],
  ] as const
).flatMap(([one, many]) => [[one, many] as const, [many, one] as const]);
/** Hebrew writes "and", "the", "in", "to", "as", "from" and "that" in front of a word without a blank. */
const IN_FRONT = Array.from('והבלכמש');
const IS_HEBREW = /^\p{Script=Hebrew}+$/u;
const EXCLUDED = /^-(?=[+@#]?\p{L})/u;

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
  // Behind a sign, the server takes the last word as whole: so `plan*` would find less than `plan`.
  const query = word.endsWith('*') ? word.slice(0, -1) : word;
  const beginning = (part: string): Query => ({
    match_bool_prefix: { [`${field}.${part}`]: { query, operator: 'and' } },
  });
  if (HAS_SIGN.test(word)) {
    const whole = signed(field, word).map((query) => scored(SCORE.exact, query));
    return { dis_max: { queries: [...whole, scored(SCORE.beginning, beginning('words'))] } };
  }
  if (!/[\p{L}\p{N}]/u.test(word)) {
    const signs = word.length > LONGEST_TYPED ? [] : signsIn(word);
    const must = signs.map((sign): Query => ({ term: { [`${field}.words`]: sign } }));
    const queries = [
      scored(SCORE.exact, exact(field, word)),
      ...(must.length === 0 ? [] : [scored(SCORE.folded, { bool: { must } })]),
    ];
    return { dis_max: { queries } };
  }
  const queries = [
    scored(SCORE.exact, exact(field, word)),
    scored(SCORE.stem, { match_phrase: { [`${field}.stems`]: word } }),
  ];
  if (IS_DOTTED.test(word) && !IS_GROUPED.test(word)) {
    queries.push(scored(SCORE.beginning, { match_bool_prefix: { [field]: { query: word, operator: 'and' } } }));
  } else if (!IN_PAIRS.test(word) && word.length <= LONGEST_TYPED) {
    queries.push(scored(SCORE.folded, folded(field, word)));
    const length = Array.from(word.replace(NO_LETTER, '')).length;
    if (length > 1) queries.push(scored(SCORE.beginning, beginning('words')));
    const forms = otherForms(word);
    if (forms.length > 0) {
      queries.push(scored(SCORE.ending, { bool: { should: forms.map((form) => folded(field, form)) } }));
    }
    if (length > 3 && !DIGIT.test(word)) {
      queries.push(scored(SCORE.ending, beginning('endings')), scored(SCORE.slip, mistyped(field, word)));
    }
  }
  // Korean puts endings behind a word of one syllable.
  if (IN_PAIRS.test(word) && Array.from(word).length === 1) queries.push(scored(SCORE.beginning, beginning('words')));
  // Among texts that have the word as it stands: how rare it is, how often it is there, and how short the text.
  return { bool: { must: [{ dis_max: { queries } }], should: [exact(field, word)] } };
};

/** What a word is also written as, where neither a stem nor a beginning, an ending or a slip leads there. */
const otherForms = (word: string): string[] => {
  const plain = word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  if (plain.length < 2) return [];
  if (IS_HEBREW.test(plain)) {
    const bare = plain.length > 3 && IN_FRONT.some((letter) => plain.startsWith(letter)) ? [plain.slice(1)] : [];
    return [...IN_FRONT.map((letter) => letter + plain), ...bare];
  }
  if (plain.length < 4) return [];
  return PLURALS.flatMap(([ending, other]) => (plain.endsWith(ending) ? [plain.slice(0, -ending.length) + other] : []));
};

const mistyped = (field: string, word: string): Query => ({
  match: {
    [`${field}.words`]: { query: word, operator: 'and', fuzziness: SLIPS, prefix_length: 1, max_expansions: SLIPS_MAX },
  },
});
