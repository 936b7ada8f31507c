import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { cpuMicros } from '../load/cpu.ts';
import { median, percentile, ratioGoal } from '../load/measurement.ts';
import { svgOf } from '../load/plots.ts';
import { rateOf } from '../load/rate.ts';
import { markdownOf } from '../load/report.ts';
import { perOperation, sumByPool } from '../load/threads.ts';

it('takes the nearest rank as percentile', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([
    1, 100, 198, 200,
  ]);
  expect(percentile([], 0.5)).toBeNaN();
});

it('takes what is in the middle as median, or half way between two', () => {
  expect([median([9, 1, 5]), median([8, 1, 2, 4])]).toEqual([5, 3]);
  expect(median([])).toBeNaN();
});

it('counts a rate from the first movement to the end, without idle time before and after', () => {
  const counts = [0, 0, 0, 50, 100, 100, 100];
  expect(rateOf(counts.map((count, second) => ({ atMs: second * 1_000, count })))).toBe(50);
  expect(rateOf([{ atMs: 0, count: 10 }])).toBeNaN();
});

it('says in a row what the ceiling was, the ratio, and whether a goal was met', () => {
  const goal = ratioGoal(700, { what: 'raw', value: 1_000 }, 0.8);
  expect(markdownOf([{ what: 'relay', value: 700, unit: '/s', ...goal }])).toContain(
    '| relay | 700/s |  |  |  | 1,000/s (raw) | 0.70 | ≥ 0.8 of the ceiling | no |',
  );
});

it('adds up what the threads of a pool have used', () => {
  const dump = (write: number, handler: number) => `Full thread dump OpenJDK 64-Bit Server VM:

"elasticsearch[local][write][T#1]" #41 [16053] daemon prio=5 os_prio=0 cpu=${write}.50ms elapsed=9.1s tid=0x1 nid=16053 waiting
   java.lang.Thread.State: WAITING (parking)
"elasticsearch[local][write][T#2]" #43 [16060] daemon prio=5 os_prio=0 cpu=1.00ms elapsed=9.1s tid=0x2 nid=16060 runnable
"data-plane-kafka-request-handler-7" #86 [4754] daemon prio=5 os_prio=0 cpu=${handler}.00ms elapsed=9.1s tid=0x3 nid=1
"VM Thread" os_prio=0 cpu=8.00ms elapsed=9.1s tid=0x4 nid=2 runnable`;
  const [before, after] = [sumByPool(dump(2, 5)), sumByPool(dump(4, 5))];
  expect([...before]).toEqual([
    ['write', 3_500],
    ['data-plane-kafka-request-handler', 5_000],
    ['VM Thread', 8_000],
  ]);
  expect(perOperation(before, after, 100)).toEqual({
    write: 20,
    'data-plane-kafka-request-handler': 0,
    'VM Thread': 0,
  });
});

it('says between what the rounds were whose median it judges', () => {
  const goal = { text: '< 5 %', isMet: true };
  expect(markdownOf([{ what: 'create', value: 2.5, spread: [-1.25, 7.5], unit: '%', goal }])).toContain(
    '| create | 2.5 % (-1.25 % to 7.5 %) |  |  |  |  |  | < 5 % | yes |',
  );
});

it('says what an operation took of the processors, the dearest process first', () => {
  expect(
    markdownOf([{ what: 'create', value: 100, unit: '/s', cpu: { API: 299.6, relay: 0.2, Kafka: 400 } }]),
  ).toContain('| 700: Kafka 400, API 300 |');
});

it('counts the CPU of a process with that of its children, those included that have ended', async () => {
  const spin = 'while (process.cpuUsage().user < 200_000);';
  const script = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(spin)}]); console.log(); setInterval(() => {}, 1000)`;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(parent.stdout, 'data');
  const used = cpuMicros(parent.pid ?? 0);
  parent.kill('SIGKILL');
  expect(used).toBeGreaterThan(100_000);
  expect(cpuMicros(2 ** 22 + 1)).toBe(0);
});

it('draws every series of a plot', () => {
  const points = [
    [1, 10],
    [32, 300],
  ] as const;
  const svg = svgOf({
    name: 'x',
    title: 'Requests',
    xTitle: 'connections',
    yTitle: '1/s',
    logX: true,
    series: [
      { name: 'create', points },
      { name: 'create, without HTTP', points },
    ],
  });
  expect(svg).toMatch(/^<svg/);
  for (const text of ['Requests', 'connections', 'create, without HTTP']) expect(svg).toContain(text);
  expect(svg.match(/stroke-dasharray/g)?.length).toBeGreaterThan(0);
});
