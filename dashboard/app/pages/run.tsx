import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { useState } from 'preact/hooks';
import type { Run, RunAttempt, RunDetails } from '../../../proto/gen/the0/runtime/v1/runs_pb.js';
import { runs } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents, useThrottled } from '../data/use-events.ts';
import { useLoad } from '../data/use-load.ts';
import { ActionButton } from '../parts/action-button.tsx';
import { AnsiText } from '../parts/ansi-text.tsx';
import { lasting } from '../parts/format.ts';
import { LogView } from '../parts/log-view.tsx';
import { Badge } from '../parts/mark.tsx';
import { Empty, Facts, Panel, Section } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { isOpenRun, RUN_LOOKS } from '../parts/words.ts';
import { hrefs } from '../shell/routes.ts';
import { tookMs } from './runs.tsx';

export function RunPage({ id }: { id: string }) {
  const [loaded, reload] = useLoad(id, async (signal) => (await runs.getRun({ id }, { signal })).details);
  const soon = useThrottled(500, reload);
  useEvents(({ event }) => {
    if (event?.id === id) soon();
  });
  return (
    <>
      {loaded.value?.run === undefined ? <Title text="Run" above={id} /> : null}
      <Panel loaded={loaded} reload={reload} lines={8}>
        {(details) =>
          details?.run === undefined ? (
            <Empty title="There is no such run" />
          ) : (
            <Shown details={details} run={details.run} reload={reload} />
          )
        }
      </Panel>
    </>
  );
}

function Shown({ details, run, reload }: { details: RunDetails; run: Run; reload: () => void }) {
  const [isLogShown, setLogShown] = useState(false);
  return (
    <>
      <Title
        text={`Run of ${run.schedule}`}
        above={<a href={hrefs.schedule(run.schedule)}>{run.schedule}</a>}
        aside={
          <ActionButton
            label="Cancel the run"
            tone="danger"
            off={isOpenRun(run.state) ? undefined : 'It is over'}
            action={() => ({
              title: 'Cancel the run?',
              explain: 'If it runs it is ended in order, by SIGTERM and a grace; else it does not start.',
              verb: 'Cancel the run',
              isDangerous: true,
              run: async (change) => {
                const { outcome } = await runs.cancelRun({ id: run.id, change });
                reload();
                return CANCELLED[outcome] ?? outcome;
              },
            })}
          />
        }
      >
        <Time ms={msOf(run.nominal) ?? msOf(run.due)} /> <Badge look={RUN_LOOKS[run.state]} />
      </Title>
      <p class="verdict">{run.reason}</p>
      <div class="columns wide-left">
        <div>
          <Section title="Result">
            {details.resultProblem === '' ? null : <p class="notice tone-trouble">{details.resultProblem}</p>}
            {details.result === undefined ? (
              details.resultProblem === '' ? (
                <p class="soft">It wrote none{isOpenRun(run.state) ? ' yet' : ''}.</p>
              ) : null
            ) : (
              <pre class="code" tabIndex={0}>
                {JSON.stringify(toJson(ValueSchema, details.result), null, 2)}
              </pre>
            )}
          </Section>
          <Section
            title="Output"
            aside={
              isLogShown ? null : (
                <button type="button" class="button small" onClick={() => setLogShown(true)}>
                  Show the whole log
                </button>
              )
            }
          >
            {isLogShown ? (
              <LogView id={run.id} />
            ) : details.lastOutput.length === 0 ? (
              <p class="soft">It printed nothing that was kept.</p>
            ) : (
              <Output lines={details.lastOutput} />
            )}
          </Section>
        </div>
        <div>
          <Section title="Facts">
            <Facts facts={factsOf(run)} />
          </Section>
          {details.attempts.length === 0 ? null : (
            <Section title="Attempts">
              <ol class="attempts">
                {details.attempts.map((attempt) => (
                  <Attempt key={attempt.attempt} attempt={attempt} />
                ))}
              </ol>
            </Section>
          )}
        </div>
      </div>
    </>
  );
}

const CANCELLED: Readonly<Record<string, string>> = {
  ended: 'It waited, and is over by this.',
  asked: 'It ends as soon as its processor sees the wish.',
  already: 'Somebody else has asked for the same.',
  over: 'It was over already.',
};

export const Output = ({ lines }: { lines: readonly string[] }) => (
  <pre class="code" tabIndex={0}>
    {lines.map((line, at) => (
      <div key={at}>
        <AnsiText text={line} />
      </div>
    ))}
  </pre>
);

const exitOf = (exit: Pick<RunAttempt, 'exitCode' | 'signal' | 'oomKilled'>): string => {
  if (exit.oomKilled) return 'killed: out of memory';
  if (exit.signal !== '') return exit.signal;
  return exit.exitCode === undefined ? '–' : `code ${exit.exitCode}`;
};

const Attempt = ({ attempt }: { attempt: RunAttempt }) => (
  <li>
    <Badge look={RUN_LOOKS[attempt.outcome]} /> <Time ms={msOf(attempt.started)} />
    <span class="soft"> {exitOf(attempt)}</span>
    <p>{attempt.reason}</p>
  </li>
);

/** Where what was done last can be looked at, step by step; nothing where it was not traced. */
export const traceFact = ({ traceId, traceUrl }: { traceId: string; traceUrl: string }) =>
  traceId === ''
    ? []
    : ([
        [
          'Trace',
          traceUrl === '' ? (
            <code>{traceId}</code>
          ) : (
            <a href={traceUrl} target="_blank" rel="noreferrer">
              {traceId}
            </a>
          ),
        ],
      ] as const);

function factsOf(run: Run) {
  const took = tookMs(run);
  return [
    ['Nominal', <Time ms={msOf(run.nominal)} none="by hand" />],
    ['Due', <Time ms={msOf(run.due)} />],
    ['Started', <Time ms={msOf(run.started)} />],
    ['Ended', <Time ms={msOf(run.ended)} />],
    ['Took', took === undefined ? '–' : lasting(took)],
    ...(run.nextAttempt === undefined
      ? []
      : [['Next attempt', <Time ms={msOf(run.nextAttempt)} as="ago" />] as const]),
    ...(run.deadline === undefined ? [] : [['Deadline', <Time ms={msOf(run.deadline)} />] as const]),
    ['Exit', exitOf(run)],
    ['Cause', run.cause],
    ...(run.request === undefined ? [] : [['Asked by', `${run.request.who}: ${run.request.why}`] as const]),
    ...(run.cancel === undefined ? [] : [['Cancelled by', `${run.cancel.who}: ${run.cancel.why}`] as const]),
    ['Image', <code>{run.image === '' ? '–' : run.image}</code>],
    ['Container', <code>{run.container === '' ? '–' : run.container}</code>],
    ['Processor', <code>{run.processor === '' ? '–' : run.processor}</code>],
    ...traceFact(run),
    ['Id', <code>{run.id}</code>],
  ] as const;
}
