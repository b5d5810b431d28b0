import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Schedule, SchedulePolicy } from '../../../proto/gen/the0/runtime/v1/schedules_pb.js';
import { runs, schedules } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useEvents, useThrottled } from '../data/use-events.ts';
import { useLoad } from '../data/use-load.ts';
import { ActionButton } from '../parts/action-button.tsx';
import { ExplanationView } from '../parts/explanation.tsx';
import { count, lasting } from '../parts/format.ts';
import { LogView } from '../parts/log-view.tsx';
import { Badge } from '../parts/mark.tsx';
import { Empty, Facts, Panel, Section } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { RUN_LOOKS, SCHEDULE_LOOKS } from '../parts/words.ts';
import { hrefs } from '../shell/routes.ts';
import { RunsTable, useRuns } from './runs.tsx';
import { TickCalendar } from './tick-calendar.tsx';
import { useState } from 'preact/hooks';

export function SchedulePage({ id }: { id: string }) {
  const [loaded, reload] = useLoad(
    id,
    async (signal) => (await schedules.getSchedule({ id }, { signal })).schedule,
  );
  const [explained, reloadWhy] = useLoad(
    `why ${id}`,
    async (signal) => (await schedules.explainSchedule({ id }, { signal })).explanation,
  );
  const soon = useThrottled(1_000, () => {
    reload();
    reloadWhy();
  });
  useEvents(({ event }) => {
    if (event?.id === id || event?.schedule === id) soon();
  });
  const pages = useRuns(id, []);
  const [isLogShown, setLogShown] = useState(false);
  return (
    <>
      {loaded.value === undefined ? <Title text={id} /> : null}
      {loaded.state === 'failed' && loaded.problem.isMissing ? (
        <Empty title="There is no such schedule">It was deleted, or never was.</Empty>
      ) : (
        <Panel loaded={loaded} reload={reload} lines={8}>
          {(schedule) =>
            schedule === undefined ? null : (
              <>
                <Head schedule={schedule} done={soon} />
                <Panel loaded={explained} reload={reloadWhy} lines={3}>
                  {(why) => (why === undefined ? null : <ExplanationView explanation={why} />)}
                </Panel>
                <TickCalendar schedule={schedule} />
                <div class="columns wide-left">
                  <Section title="Runs">
                    <RunsTable pages={pages} isFiltered={false} />
                  </Section>
                  <Section title="Facts">
                    <Facts facts={factsOf(schedule)} />
                  </Section>
                </div>
                <Section
                  title="Log"
                  aside={
                    isLogShown ? null : (
                      <button type="button" class="button small" onClick={() => setLogShown(true)}>
                        Show the log
                      </button>
                    )
                  }
                >
                  {isLogShown ? <LogView id={id} /> : null}
                </Section>
              </>
            )
          }
        </Panel>
      )}
    </>
  );
}

function Head({ schedule, done }: { schedule: Schedule; done: () => void }) {
  const { id, phase, hold } = schedule;
  const name = schedule.name === '' ? id : schedule.name;
  return (
    <Title
      text={name}
      above={<code>{id}</code>}
      aside={
        <div class="actions" role="group" aria-label="Actions">
          <ActionButton
            label="Run now"
            action={() => ({
              title: `Run ${name} now?`,
              explain: 'One run at once, beside its ticks.',
              verb: 'Run now',
              run: async (change) => {
                const { run, notQueued } = await runs.runNow({ schedule: id, change });
                done();
                return notQueued === '' ? `On record as ${run?.id ?? ''}.` : notQueued;
              },
            })}
          />
          {hold === undefined ? (
            <ActionButton
              label="Pause"
              tone="danger"
              action={() => ({
                title: `Pause ${name}?`,
                explain:
                  'No ticks until somebody resumes it, whatever its owner does. A run that goes on goes on.',
                verb: 'Pause',
                isDangerous: true,
                run: async (change) => {
                  const { changed } = await schedules.pauseSchedule({ id, change });
                  done();
                  return changed ? 'It is paused.' : 'It was paused already.';
                },
              })}
            />
          ) : (
            <ActionButton
              label="Resume"
              tone="primary"
              action={() => ({
                title: `Resume ${name}?`,
                explain: `It was paused by ${hold.who}: ${hold.why}. It ticks from now on; what was missed stays missed.`,
                verb: 'Resume',
                run: async (change) => {
                  await schedules.resumeSchedule({ id, change });
                  done();
                  return 'It ticks again.';
                },
              })}
            />
          )}
        </div>
      }
    >
      {name} <Badge look={SCHEDULE_LOOKS[phase]} />
    </Title>
  );
}

const factsOf = (schedule: Schedule) =>
  [
    ['Cron', <code>{schedule.schedule}</code>],
    ['Zone', schedule.zone],
    ['Next', <Time ms={msOf(schedule.next)} />],
    [
      'Last run',
      schedule.lastRun === undefined ? (
        'none'
      ) : (
        <a href={hrefs.run(schedule.lastRun.run)}>
          <Badge look={RUN_LOOKS[schedule.lastRun.state]} />
        </a>
      ),
    ],
    ['Failed in a row', count(schedule.failuresInRow)],
    [
      'In line',
      schedule.line.length === 0
        ? 'none'
        : schedule.line.map((run) => (
            <div key={run}>
              <a href={hrefs.run(run)}>{run}</a>
            </div>
          )),
    ],
    ['Its owner wants', schedule.enabled ? 'that it runs' : 'that it does not run'],
    ...(schedule.hold === undefined
      ? []
      : [['Paused', `by ${schedule.hold.who}: ${schedule.hold.why}`] as const]),
    ...(schedule.policy === undefined ? [] : policyFacts(schedule.policy)),
    ['Runtime', schedule.runtime],
    ['Version', schedule.version],
  ] as const;

const policyFacts = (policy: SchedulePolicy) =>
  [
    ['Misfire', policy.misfireMax === 0 ? policy.misfire : `${policy.misfire}, up to ${policy.misfireMax}`],
    ['Overlap', policy.overlapMax === 0 ? policy.overlap : `${policy.overlap}, up to ${policy.overlapMax}`],
    ['Timeout', policy.timeout === undefined ? '–' : lasting(durationMs(policy.timeout))],
    ['Retries', policy.retries === 0 ? 'none' : String(policy.retries)],
  ] as const;
