/** Numbers and durations as text for a person. */

/** `1 dead letter`, `1,024 dead letters`: a number with its noun, whose plural ends in s. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;

/** A duration: `3 s`, `2 min 5 s`, `1 h 10 min`. */
export const durationText = (seconds: number): string => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
};

/** Both ends of a text that is longer than this. */
export const shortened = (text: string, length: number): string =>
  text.length <= length
    ? text
    : `${text.slice(0, Math.ceil((length - 1) / 2))}…${text.slice(text.length - Math.floor((length - 1) / 2))}`;
