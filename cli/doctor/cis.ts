import type { Confinement } from '../../infra/engine/audit.ts';
import type { Engine } from '../../infra/engine/port.ts';
import type { Settings } from '../../infra/config/settings.ts';
import { printable } from '../show/table.ts';
import { bad, ok, warn, type Check } from './check.ts';
import { CIS_SECTION_5, type CisHost } from './cis-items.ts';
import { openEngine } from './engine.ts';
import { reasonOf, type Probed } from './probed.ts';

export type CisFacts = {
  host: CisHost;
  /** Of those that were looked at. */
  containers: readonly Confinement[];
  /** How many there are. */
  total: number;
};

export type CisRow = {
  id: string;
  title: string;
  status: 'pass' | 'fail' | 'not applicable';
  passed: number;
  failed: readonly { container: string; why: string }[];
  /** Why it is not applicable, or why a failure is meant so. */
  note?: string;
  byDesign: boolean;
};

const MOST_LOOKED_AT = 250;
const AT_ONCE = 16;
const MOST_NAMED = 3;

/** Looks at every container of the installation that ever ran, at so many as the patience allows. */
export async function probeCis(settings: Settings, signal: AbortSignal): Promise<CisFacts> {
  const engine = openEngine(settings);
  await using _ = engine;
  const [capabilities, facts, listed] = await Promise.all([
    engine.capabilities({ signal }),
    engine.hostFacts({ signal }),
    engine.list({}, { signal }),
  ]);
  // One that is never started, as helpers are, confines nothing.
  const ran = listed.filter(({ state }) => state !== 'created' && state !== 'removing');
  return {
    host: { apparmor: capabilities.apparmor, selinux: facts.selinux, clustered: facts.clustered },
    containers: await confinementsOf(
      engine,
      ran.slice(0, MOST_LOOKED_AT).map(({ id }) => id),
      signal,
    ),
    total: ran.length,
  };
}

async function confinementsOf(
  engine: Engine,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Confinement[]> {
  const found: Confinement[] = [];
  const left = [...ids];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        const confinement = await engine.confinement(id, { signal });
        if (confinement !== undefined) found.push(confinement);
      }
    }),
  );
  return found;
}

/** One row for each item of the section, over all containers. Pure. */
export function cisRows({ containers, host }: Pick<CisFacts, 'containers' | 'host'>): CisRow[] {
  return CIS_SECTION_5.map(({ id, title, judge, byDesign }) => {
    const verdicts = containers.map((container) => ({ container, verdict: judge(container, host) }));
    const failed = verdicts.flatMap(({ container, verdict }) =>
      typeof verdict === 'object' && 'fail' in verdict
        ? [{ container: container.name, why: verdict.fail }]
        : [],
    );
    const passed = verdicts.filter(({ verdict }) => verdict === 'pass').length;
    const reason = verdicts.map(({ verdict }) => verdict).find((verdict) => isNotApplicable(verdict));
    const status = failed.length > 0 ? 'fail' : passed > 0 ? 'pass' : 'not applicable';
    const note = status === 'fail' ? byDesign : status === 'pass' ? undefined : reason?.notApplicable;
    return {
      id,
      title,
      status,
      passed,
      failed,
      ...(note === undefined ? {} : { note }),
      byDesign: status === 'fail' && byDesign !== undefined,
    };
  });
}

const isNotApplicable = (verdict: unknown): verdict is { notApplicable: string } =>
  typeof verdict === 'object' && verdict !== null && 'notApplicable' in verdict;

/** The section as one line among the checks: bad where a container is less confined than every one of ours is made. */
export function cisCheck(probed: Probed<CisFacts>): Check {
  const name = 'CIS section 5';
  if ('error' in probed)
    return warn(name, `not known: ${reasonOf(probed.error)}`, 'mend the engine first, then ask again');
  const { containers, total } = probed.found;
  if (containers.length === 0) return ok(name, 'no container of this installation to look at');
  const rows = cisRows(probed.found);
  const count = (status: CisRow['status']): number => rows.filter((row) => row.status === status).length;
  const looked = containers.length < total ? `${containers.length} of ${total}` : String(total);
  const sum = `${looked} ${total === 1 ? 'container' : 'containers'}: ${count('pass')} items pass, ${count('fail')} fail, ${count('not applicable')} not applicable`;
  const meant = rows.filter(({ status, byDesign }) => status === 'fail' && byDesign);
  const worse = rows.filter(({ status, byDesign }) => status === 'fail' && !byDesign);
  if (worse.length === 0)
    return ok(name, meant.length === 0 ? sum : `${sum} (${meant.map(({ id }) => id).join(', ')}, by design)`);
  return bad(
    name,
    `${sum}; ${worse.map(({ id, failed }) => `${id}: ${namesOf(failed)}`).join('; ')}`,
    'this runtime makes no such container: find out who did, and remove it',
  );
}

const SIGNS = { pass: 'pass', fail: 'fail', 'not applicable': 'n/a ' } as const;

/** The section as text, one line an item. */
export function cisTable(rows: readonly CisRow[]): string[] {
  const width = Math.max(0, ...rows.map(({ title }) => title.length));
  return rows.map(({ id, title, status, passed, failed, note }) => {
    const counted =
      failed.length > 0 ? `${failed.length} of ${passed + failed.length}: ${namesOf(failed)}` : '';
    const rest = [counted, note ?? ''].filter((each) => each !== '').join('; ');
    return printable(`${SIGNS[status]}  ${id.padEnd(4)}  ${title.padEnd(width)}  ${rest}`).trimEnd();
  });
}

function namesOf(failed: CisRow['failed']): string {
  const named = failed.slice(0, MOST_NAMED).map(({ container, why }) => `${container} ${why}`);
  return `${named.join(', ')}${failed.length > MOST_NAMED ? ` and ${failed.length - MOST_NAMED} more` : ''}`;
}
