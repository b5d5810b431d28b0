import type { Engine } from '../../infra/engine/port.ts';
import type { Logger } from '../../infra/logger.ts';
import { messageOf } from '../../infra/message-of.ts';
import type { Collections } from '../../infra/mongo/collections.ts';
import { bounded, Findings, itemCount, type GcFindings } from '../../model/gc-report.ts';
import type { CodeStore } from '../code/store.ts';
import type { Keeping } from '../keeping.ts';
import { ImageRecords } from '../image-records.ts';
import { RunSweep } from '../runs/sweep.ts';
import { sweepCode } from './of-code.ts';
import { sweepDeleted } from './of-deleted.ts';
import { sweepImages } from './of-images.ts';
import { sweepRuns } from './of-runs.ts';
import { rehearsal, rehearsedKeeping } from './rehearsal.ts';
import type { Step } from './step.ts';

export type EngineSweepDeps = {
  engine: Engine;
  collections: Pick<
    Collections,
    'bots' | 'schedules' | 'eventOrder' | 'scheduleEventOrder' | 'runs' | 'pulledImages' | 'gcReports'
  >;
  code: Pick<CodeStore, 'collectUnused'>;
  keeping: Keeping;
  policy: EngineSweepPolicy;
  log: Logger;
  /** Epoch milliseconds. */
  now?: () => number;
};

export type EngineSweepPolicy = {
  graceMs: number;
  maxSharePercent: number;
  codeUnusedMs: number;
  /** 0: images stay. */
  imageUnusedMs: number;
  stopGraceMs: number;
};

export type EngineSweepRequest = {
  /** Only tell. */
  dryRun: boolean;
  /** Bots and schedules that a person has seen in a dry run: what is left of them goes, whatever share of all it is. */
  confirmed?: ReadonlySet<string>;
  signal: AbortSignal;
};

/**
 * All that is ever swept from the engine, in one place: see the README for what goes when, and why. Safe to run at any time,
 * twice at once too. A step that fails is a problem in the report, and the others are taken all the same.
 */
export class EngineSweep {
  readonly #deps: EngineSweepDeps;
  readonly #runs: RunSweep;
  readonly #images: ImageRecords;

  constructor(deps: EngineSweepDeps) {
    this.#deps = deps;
    // One for good: it remembers what it has told of.
    this.#runs = runSweep(deps, deps);
    this.#images = new ImageRecords(deps.collections.pulledImages, deps.now ?? Date.now);
  }

  async run({ dryRun, confirmed = new Set(), signal }: EngineSweepRequest): Promise<GcFindings> {
    const { collections, code, policy, log, now = Date.now } = this.#deps;
    const startedMs = now();
    const engine = dryRun ? rehearsal(this.#deps.engine) : this.#deps.engine;
    const step: Step = { engine, findings: new Findings(), nowMs: startedMs };
    const runs = dryRun
      ? runSweep(this.#deps, { engine, keeping: rehearsedKeeping, log: log.child({}, { level: 'silent' }) })
      : this.#runs;
    const steps: [string, () => Promise<void>][] = [
      ['What runs left behind', () => sweepRuns(step, runs, signal)],
      [
        'What deleted bots left',
        () => sweepDeleted(step, { stores: collections, policy, confirmed, dryRun }),
      ],
      ['Unused code', () => sweepCode(step, { code, unusedMs: policy.codeUnusedMs, dryRun })],
      [
        'Unused images',
        () => sweepImages(step, { images: this.#images, unusedMs: policy.imageUnusedMs, dryRun }),
      ],
    ];
    for (const [what, take] of steps) {
      if (signal.aborted) break;
      try {
        await take();
      } catch (error) {
        step.findings.problem(`${what} could not be collected: ${messageOf(error)}`);
      }
    }
    const found = step.findings.result();
    if (!dryRun) await this.#keep(found, startedMs);
    return found;
  }

  /** A sweep that found nothing leaves no record. */
  async #keep(found: GcFindings, startedMs: number): Promise<void> {
    const { collections, log, now = Date.now } = this.#deps;
    const { counts, problems } = found;
    const { going: _going, ...kept } = bounded(found);
    if (itemCount(found) === 0 && problems.length === 0) return;
    if (problems.length > 0) log.warn({ ...counts, problems }, 'The engine was swept in part');
    else log.info(counts, 'The engine was swept');
    const times = { startedAt: new Date(startedMs), endedAt: new Date(now()) };
    await collections.gcReports
      .insertOne({ part: 'engine', full: false, ...times, ...kept } as never)
      .catch((error: unknown) => {
        log.warn({ error: messageOf(error) }, 'The report of a sweep could not be kept');
      });
  }
}

function runSweep(
  { collections, policy, now }: EngineSweepDeps,
  by: Pick<EngineSweepDeps, 'engine' | 'keeping' | 'log'>,
): RunSweep {
  const { engine, keeping, log } = by;
  return new RunSweep({
    engine,
    keeping,
    log,
    runs: collections.runs,
    stopGraceMs: policy.stopGraceMs,
    ...(now === undefined ? {} : { now }),
  });
}
