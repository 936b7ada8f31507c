/** Loaded into a service before its code: `Date` runs ahead of the real clock, or behind it, by what a file says. */
import { readFileSync } from 'node:fs';

const READ_MS = 50;
const file = process.env.STEPPED_CLOCK_FILE ?? '';
let offsetMs = 0;
setInterval(() => {
  try {
    offsetMs = Number(readFileSync(file, 'utf8'));
  } catch {
    // The run is over, and its folder gone.
  }
}, READ_MS).unref();

// A proxy and not a subclass: it stays the one `Date`, whose instances are what they were.
globalThis.Date = new Proxy(Date, {
  construct: (real, args, target) =>
    Reflect.construct(real, args.length === 0 ? [real.now() + offsetMs] : args, target),
  get: (real, name, self) => (name === 'now' ? () => real.now() + offsetMs : Reflect.get(real, name, self)),
});
