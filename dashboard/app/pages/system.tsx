import { durationMs } from '@bufbuild/protobuf/wkt';
import type { Queue } from '../../../proto/gen/the0/runtime/v1/queues_pb.js';
import type { Process, ServerHealth } from '../../../proto/gen/the0/runtime/v1/installation_pb.js';
import type { ListUsageResponse } from '../../../proto/gen/the0/runtime/v1/usage_pb.js';
import { queues, usage } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { readStats, stats } from '../data/stats.ts';
import { useEvery, useLoad } from '../data/use-load.ts';
import { bytes, count, lasting, viewersZone } from '../parts/format.ts';
import { Mark } from '../parts/mark.tsx';
import { Facts, Panel, Placeholder, Section } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { Title } from '../parts/title.tsx';
import { hrefs } from '../shell/routes.ts';

const EVERY_MS = 10_000;

/** What the installation runs on, and how much room is left. */
export function SystemPage() {
  const is = stats.value;
  const [queuesLoaded, reloadQueues] = useLoad(
    'queues',
    async (signal) => (await queues.listQueues({}, { signal })).queues,
  );
  const [usageLoaded, reloadUsage] = useLoad('usage', (signal) => usage.listUsage({ limit: 8 }, { signal }));
  const reload = (): void => {
    void readStats().catch(() => undefined);
    reloadQueues();
    reloadUsage();
  };
  useEvery(EVERY_MS, reloadQueues);
  useEvery(EVERY_MS, reloadUsage);
  return (
    <>
      <Title
        text="System"
        aside={
          <button type="button" class="button" onClick={reload}>
            Refresh
          </button>
        }
      />
      <div class="columns">
        <Section title="Servers">
          {is === undefined ? <Placeholder lines={5} /> : <Servers servers={is.servers} />}
        </Section>
        <Section title="Capacity">
          <Panel loaded={usageLoaded} reload={reloadUsage} lines={5}>
            {(answer) => <Capacity answer={answer} />}
          </Panel>
        </Section>
      </div>
      <Section title="Processes">
        {is === undefined ? <Placeholder lines={4} /> : <Processes processes={is.processes} />}
      </Section>
      <Section title="Queues" aside={<a href="/queues">Open Bull Board</a>}>
        <Panel loaded={queuesLoaded} reload={reloadQueues} lines={9}>
          {(list) => <Queues list={list} />}
        </Panel>
      </Section>
      <Section title="Installation">
        {is === undefined ? (
          <Placeholder lines={3} />
        ) : (
          <Facts
            facts={[
              ['Name', is.installation],
              ['Version', is.version],
              ['Its time', <Time ms={msOf(is.now)} />],
              ['Your zone', viewersZone()],
              ['Poison events', count(is.poisonEvents)],
            ]}
          />
        )}
      </Section>
    </>
  );
}

const Servers = ({ servers }: { servers: readonly ServerHealth[] }) => (
  <div class="table-box">
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Server</th>
          <th scope="col">Version</th>
          <th scope="col" class="num">
            Answers in
          </th>
          <th scope="col" class="num">
            Clock
          </th>
        </tr>
      </thead>
      <tbody>
        {servers.map(({ name, reachable, version, latency, clockSkew, problem }) => (
          <tr key={name}>
            <td class="nowrap">
              <Mark
                look={reachable ? { tone: 'well', glyph: 'dot' } : { tone: 'trouble', glyph: 'triangle' }}
              />{' '}
              {name}
            </td>
            <td class="wrap">{reachable ? version : <span class="tone-trouble">{problem}</span>}</td>
            <td class="num nowrap">{latency === undefined ? '–' : lasting(durationMs(latency))}</td>
            <td class="num nowrap">{clockSkew === undefined ? '–' : skew(durationMs(clockSkew))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const skew = (ms: number): string =>
  Math.abs(ms) < 1 ? '±0 ms' : `${ms < 0 ? '−' : '+'}${lasting(Math.abs(ms))}`;

const Processes = ({ processes }: { processes: readonly Process[] }) => (
  <div class="table-box">
    <table class="table cards">
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">Host</th>
          <th scope="col">Version</th>
          <th scope="col">Up for</th>
          <th scope="col">Seen</th>
          <th scope="col">Does alone</th>
        </tr>
      </thead>
      <tbody>
        {processes.map(({ owner, service, host, version, startedAt, seenAt, leases }) => (
          <tr key={owner}>
            <td class="nowrap" title={owner} data-label="Service">
              {service}
            </td>
            <td class="wrap" data-label="Host">
              {host}
            </td>
            <td class="nowrap" data-label="Version">
              {version}
            </td>
            <td class="nowrap" data-label="Up for">
              <Time ms={msOf(startedAt)} as="for" />
            </td>
            <td class="nowrap" data-label="Seen">
              <Time ms={msOf(seenAt)} as="ago" />
            </td>
            <td class="wrap soft" data-label="Does alone">
              {leases.length === 0 ? '–' : leases.join(', ')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
    {processes.length === 0 ? <p class="soft">No process has reported itself.</p> : null}
  </div>
);

const Queues = ({ list }: { list: readonly Queue[] }) => (
  <div class="table-box">
    <table class="table tight">
      <thead>
        <tr>
          <th scope="col">Queue</th>
          {['Waiting', 'Oldest', 'Active', 'Delayed', 'Failed', 'Workers'].map((label) => (
            <th key={label} scope="col" class={`num ${label === 'Oldest' ? 'on-wide' : ''}`}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {list.map(({ name, waiting, active, delayed, failed, oldestWaiting, workers, paused }) => (
          <tr key={name}>
            <td class="nowrap">
              <a href={`/queues/queue/${encodeURIComponent(name)}`}>{name}</a>
              {paused ? <span class="tone-trouble"> paused</span> : null}
            </td>
            <td class="num">{count(waiting)}</td>
            <td class="num nowrap on-wide">
              {oldestWaiting === undefined || waiting === 0n ? '–' : lasting(durationMs(oldestWaiting))}
            </td>
            <td class="num">{count(active)}</td>
            <td class="num">{count(delayed)}</td>
            <td class={`num ${failed > 0n ? 'tone-trouble' : ''}`}>{count(failed)}</td>
            <td class={`num ${workers === 0 ? 'tone-trouble' : ''}`}>{count(workers)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

function Capacity({ answer }: { answer: ListUsageResponse }) {
  const { total, hostCores, hostMemoryBytes, rows, at } = answer;
  if (total === undefined)
    return <p class="soft">Nothing was measured of late: nothing runs, or no processor measures.</p>;
  return (
    <>
      <Meter
        label="Processors"
        used={total.cpuCores}
        of={hostCores}
        text={(cores) => `${cores.toFixed(2)} cores`}
      />
      <Meter label="Memory" used={Number(total.memoryBytes)} of={Number(hostMemoryBytes)} text={bytes} />
      <p class="soft small">
        {count(total.containers)} containers, measured <Time ms={msOf(at)} as="ago" />. Most used by:
      </p>
      <ul class="lines plain-lines">
        {rows.map(({ id, name, usage: used }) => (
          <li key={id}>
            <a href={hrefs.bot(id, 'usage')}>
              <span class="lines-name">{name === '' ? id : name}</span>
              <span class="lines-why">
                {used === undefined
                  ? ''
                  : `${used.cpuCores.toFixed(2)} cores, ${bytes(Number(used.memoryBytes))}`}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** How much of something is used, and how much is left. */
function Meter(props: { label: string; used: number; of: number; text: (value: number) => string }) {
  const { label, used, of, text } = props;
  if (of <= 0)
    return (
      <p>
        {label}: {text(used)}
      </p>
    );
  const share = Math.min(1, used / of);
  return (
    <div class="meter">
      <div class="meter-text">
        <span>{label}</span>
        <span>
          <strong>{text(Math.max(0, of - used))}</strong> left <small class="soft">of {text(of)}</small>
        </span>
      </div>
      <div class={`meter-bar ${share > 0.85 ? 'tone-trouble' : 'tone-well'}`}>
        <i style={{ width: `${(share * 100).toFixed(1)}%` }} />
      </div>
    </div>
  );
}
