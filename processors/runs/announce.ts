import { messageOf } from '../../infra/message-of.ts';
import { StartRefused } from '../../infra/engine/errors.ts';
import { describeFailure } from '../errors.ts';
import { fieldsOf, step, timeoutMsOf, type StepResult, type TakenPass } from './pass.ts';
import { postpone } from './postpone.ts';

/**
 * How long after its announcement a start may be called, by the monotonic clock, which also counts while the process is
 * stopped; and how long others have to see it not started, before they may take it that no such call is on its way any more.
 */
const TRUST_MS = 2_000;
export const SETTLED_MS = 4_000;

export type Announced = { containerId: string; image: string | undefined; notes: readonly string[] };

/**
 * Writes, acknowledged by the majority, that the run's container is about to start, and only then starts it. So a container
 * that ran at all is one that a record tells of, and a record that tells of one means that it may have run. The name that
 * the write leaves keeps anybody else from announcing; whoever takes the run over sees to a container that was announced
 * and never started only once no start by us can be on its way.
 *
 * `overtaken`: the record was not ours any more, or the run was cancelled; nothing was started.
 */
export async function announceAndStart(
  pass: TakenPass,
  { containerId, image, notes }: Announced,
): Promise<'overtaken' | { result: StepResult }> {
  const { deps } = pass;
  const askedAtMs = deps.clock.monotonicMs();
  const startedAtMs = deps.clock.now();
  const announced = await step(pass, {
    set: {
      state: 'running',
      reason: ['It runs.', ...notes.map((note) => `${note}.`)].join(' '),
      startedAt: new Date(startedAtMs),
      deadline: new Date(startedAtMs + timeoutMsOf(deps, pass.run)),
      containerId,
      ...(image === undefined ? {} : { image }),
    },
    unset: ['nextAttemptAt'],
    where: { cancel: { $exists: false } },
  });
  if (!announced) return 'overtaken';
  if (deps.clock.monotonicMs() - askedAtMs > TRUST_MS) return { result: undefined };
  return { result: await start(pass, containerId) };
}

async function start(pass: TakenPass, containerId: string): Promise<StepResult> {
  const { deps } = pass;
  try {
    // Not cut off by anything: a start that was given up may have worked all the same.
    await deps.engine.start(containerId);
    deps.log.info({ ...fieldsOf(pass), containerId }, 'Run started');
    return undefined;
  } catch (error) {
    if (error instanceof StartRefused) return withdraw(pass, containerId, error);
    // The watch finds out whether it runs.
    deps.log.debug(
      { ...fieldsOf(pass), containerId, error: messageOf(error) },
      'The start of a run had no answer',
    );
    return undefined;
  }
}

/** The engine says that it could not start it. Once the container is gone nothing can start it any more. */
async function withdraw(pass: TakenPass, containerId: string, error: StartRefused): Promise<StepResult> {
  const { engine } = pass.deps;
  try {
    const container = await engine.inspect(containerId);
    if (container === undefined || container.state !== 'created') return undefined;
    // Whoever has the run by now may be about to start it.
    if (!(await step(pass, { set: {} }))) return undefined;
    await engine.remove(containerId);
  } catch {
    // The engine is away, or MongoDB: the watch goes on from what it finds.
    return undefined;
  }
  return postpone(pass, describeFailure(error), ['containerId', 'image', 'startedAt', 'deadline']);
}
