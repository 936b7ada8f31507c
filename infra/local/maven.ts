/** Runs Maven and the JDK's tools. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { UserError } from './bootstrap/fail.mjs';

const BYTES = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 } as const;

/** A file that Maven says it has fetched: `Downloaded from central: <address>/kafka.jar (5.1 MB at 3.0 MB/s)`. */
const DOWNLOADED = /^(?:\[INFO\] )?Downloaded from .*\((\d+(?:\.\d+)?) (B|kB|MB|GB)/;

/** Size in bytes of the file that a line of Maven's output says was fetched; nothing for any other line. */
export const downloadedBytes = (line: string): number | undefined => {
  const match = DOWNLOADED.exec(line);
  if (match === null) return undefined;
  return Number(match[1]) * BYTES[match[2] as keyof typeof BYTES];
};

/**
 * Runs Maven, and shows how many files and bytes it has fetched.
 * @param megabytes that it has to fetch, about
 * @throws UserError with the end of its output when it fails
 */
export const runMaven = async (
  title: string,
  mvn: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  megabytes = 45,
): Promise<void> => {
  let [files, bytes] = [0, 0];
  const progress = () => `  ${title}: ${files} files, ${(bytes / 1e6).toFixed(1)} MB fetched`;
  console.error(`  ${title}: fetching its jars with Maven (about ${megabytes} MB, once)`);
  await run(mvn, args, env, (line) => {
    const size = downloadedBytes(line);
    if (size === undefined) return;
    files += 1;
    bytes += size;
    if (process.stderr.isTTY) process.stderr.write(`\r${progress()}`);
  });
  if (files === 0) console.error(`  ${title}: all jars were in Maven's local repository`);
  else console.error(`${process.stderr.isTTY ? '\r' : ''}${progress()}`);
};

/** Runs a tool of the JDK quietly. @throws UserError with the end of its output when it fails */
export const runTool = (command: string, args: readonly string[]): Promise<void> =>
  run(command, args, process.env, () => undefined);

const run = (
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    // In our process group: a Ctrl-C ends it with us, and an incomplete cache entry is never used.
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        onLine(line);
        last.push(line);
        if (last.length > 15) last.shift();
      });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new UserError(`${command} failed; check the network and try again:\n${last.join('\n')}`));
    });
  });
