/** Text rules of a task, in the words of Unicode. */
/** A character that shows: neither white space, nor a control or format character, nor one that fonts leave out, nor none. */
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;

/** What {@link VISIBLE} leaves out, up to U+FFFF, for readers of JSON Schema, which know no names of properties. */
const INVISIBLE =
  '\\s\\u0001-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160' +
  '\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff';

/** Text with a visible character and without NUL, which PostgreSQL cannot store. */
export const VISIBLE_PATTERN = `^[${INVISIBLE}]*[^${INVISIBLE}\\u0000][^\\u0000]*$`;

export const hasVisibleCharacter = (text: string): boolean => VISIBLE.test(text);

/** Whether text has `most` characters at most, counted as code points; its `length` counts UTF-16 code units. */
const hasUpTo = (text: string, most: number): boolean => text.length <= most || Array.from(text).length <= most;

/**
 * Characters that Unicode can spell in two ways, such as é, in the one that most keyboards write: text of a Mac's file
 * names spells it as e with an accent behind it, and would be another word.
 * Source: Unicode Standard Annex 15, form C.
 */
export const oneSpelling = (text: string): string => text.normalize('NFC');

/**
 * Whether text has `most` characters at most, as it is sent and as it is stored: some characters, as U+0958, are two or three
 * in their one spelling, and whoever reads them must be able to send them back.
 */
export const isUpTo = (text: string, most: number): boolean => hasUpTo(text, most) && hasUpTo(oneSpelling(text), most);
