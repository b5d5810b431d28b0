import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BENCHES } from './catalogue.ts';
import { withContext } from './harness/context.ts';
import { describeMachine, treeChange, treeNow } from './harness/machine.ts';
import { PROFILE_SETTING, spawnNode } from './harness/node-process.ts';
import { parameters } from './harness/parameters.ts';
import { verdict, type Verdict } from './harness/verdict.ts';
import { keep, writeReport } from './report.ts';

const PROFILES = fileURLToPath(new URL('../../.data/profiles', import.meta.url));

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});
const unknown = positionals.filter((name) => !(name in BENCHES));

if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 2;
} else if (values.report) {
  writeReport();
} else if (positionals.length === 1 && !values.write && !values.profile) {
  await runHere(positionals[0] ?? '');
} else {
  await runEach(positionals.length === 0 ? Object.keys(BENCHES) : positionals, {
    write: values.write || positionals.length === 0,
    profile: values.profile,
  });
}

/** Runs one bench in this process; its verdict is the last line of standard output. */
async function runHere(name: string): Promise<void> {
  const { bench } = (await BENCHES[name]?.()) ?? {};
  if (bench === undefined) throw new Error(`${name} exports no bench`);
  console.error(`${name}: ${bench.goal}`);
  const result = await withContext(name, async (context) => verdict(bench, await bench.run(context)));
  console.log(JSON.stringify(result));
}

/** Runs each bench in a process of its own, so that none warms up or fills the memory of another. */
async function runEach(
  names: readonly string[],
  options: { write: boolean; profile: boolean },
): Promise<void> {
  for (const name of names) {
    const beganMs = performance.now();
    // As it was when the bench loaded it: others may commit meanwhile.
    const tree = treeNow();
    const machine = describeMachine(new Date(), tree);
    const outcome = await runApart(name, options.profile);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    if ('failed' in outcome) console.error(`${name} failed:\n${outcome.failed}`);
    else console.log(JSON.stringify(outcome.verdict));
    if ('failed' in outcome || !outcome.verdict.pass) process.exitCode = 1;
    const { bench } = (await BENCHES[name]?.()) ?? {};
    const changed = treeChange(tree, treeNow());
    if (changed !== undefined) console.error(`${name}: ${changed}`);
    if (options.write)
      keep(name, {
        machine,
        ...(changed === undefined ? {} : { changed }),
        goal: bench?.goal ?? '',
        seconds,
        ...outcome,
      });
  }
  if (options.write) writeReport();
}

async function runApart(name: string, profile: boolean): Promise<{ verdict: Verdict } | { failed: string }> {
  if (profile) mkdirSync(PROFILES, { recursive: true });
  const child = spawnNode({
    script: 'test/bench/main.ts',
    args: [name],
    environment: { ...parameters(), ...(profile ? { [PROFILE_SETTING]: PROFILES } : {}) },
    onErrorText: (text) => void process.stderr.write(text),
  });
  const forward = (signal: NodeJS.Signals): void => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, forward);
  const { code } = await child.ended;
  for (const signal of signals) process.off(signal, forward);
  const last = child
    .output()
    .trimEnd()
    .split('\n')
    .findLast((line) => line.startsWith('{"name"'));
  return code === 0 && last !== undefined
    ? { verdict: JSON.parse(last) as Verdict }
    : { failed: child.output() };
}
