/** What a command line that cannot be read is answered with: what was meant, at every level of it. */
import { Command } from 'commander';
import { messageOf } from '../../platform/errors.ts';
import { linesOf } from '../../platform/printable.ts';

/**
 * Lets a command and all below it say what was meant; for once, when it has all its commands.
 * @param line what is typed to run it
 */
export const explainUsage = (command: Command, line: string): Command => {
  for (const inner of command.commands) explainUsage(inner, `${line} ${inner.name()}`);
  return command
    .configureOutput({
      // An error quotes what was typed, and may come from a script.
      writeErr: (text) => {
        process.stderr.write(linesOf(text));
      },
      outputError: (text, write) => {
        write(`${explained(command, text.trimEnd())}\n`);
      },
    })
    .showHelpAfterError(`${line} --help says more.`);
};

/** The errors are commander's, which knows names of commands and options, and has only words for the rest. */
const explained = (command: Command, text: string): string => {
  const [, value = '', choices] =
    /'([^']*)' (?:from env '[^']*' )?is invalid(?: for argument '[^']*')?\. Allowed choices are (.*)\.$/.exec(text) ??
    [];
  if (choices !== undefined) return text + meant(value.toLowerCase(), choices.split(', '));
  const [word = ''] = command.args;
  // A command that does something by itself takes the wrong name of one below it for an argument.
  if (text.startsWith('error: too many arguments') && command.commands.length > 0) {
    const names = command.commands.map((inner) => inner.name());
    return `error: unknown command '${word}'${meant(word, names)}`;
  }
  const unknown = command.args.find((arg) => /^--\w/.test(arg));
  if (text.startsWith('error: required option') && unknown !== undefined) {
    const flags = command.options.flatMap(({ long }) => (long ? [long] : []));
    return `${text}\nerror: unknown option '${unknown}'${meant(unknown, flags)}`;
  }
  return text;
};

/** `(Did you mean …?)` in a line of its own, by commander's own search; nothing when no name is near. */
export const meant = (word: string, names: readonly string[]): string => {
  if (names.includes(word)) return `\n(Did you mean ${word}?)`;
  const probe = new Command().helpCommand(false).exitOverride();
  probe.configureOutput({ writeErr: () => undefined });
  for (const name of names) {
    if (name.startsWith('--')) probe.option(name);
    else probe.command(name);
  }
  try {
    probe.parse([word], { from: 'user' });
    return '';
  } catch (error) {
    return /\n\(Did you mean .*\)$/.exec(messageOf(error))?.[0] ?? '';
  }
};
