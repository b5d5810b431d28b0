import type { EarlierArchive, State } from '../../../proto/gen/the0/runtime/v1/state_pb.js';
import { states } from '../api/clients.ts';
import { msOf } from '../data/rows.ts';
import { useLoad } from '../data/use-load.ts';
import { ActionButton } from '../parts/action-button.tsx';
import { bytes, count } from '../parts/format.ts';
import { Empty, Facts, Panel, Section } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

/** What a bot keeps in `/state`. */
export function StateTab({ id }: { id: string }) {
  const [loaded, reload] = useLoad(id, async (signal) => (await states.getState({ id }, { signal })).state);
  const acts = { id, reload };
  if (loaded.state === 'failed' && loaded.problem.isMissing) return <NoState acts={acts} />;
  return (
    <Panel loaded={loaded} reload={reload} lines={6}>
      {(state) => (state === undefined ? <NoState acts={acts} /> : <Shown state={state} acts={acts} />)}
    </Panel>
  );
}

type Acts = { id: string; reload: () => void };

const NoState = ({ acts }: { acts: Acts }) => (
  <>
    <Empty title="It keeps no state">A bot that writes to /state has an archive here, seconds later.</Empty>
    <Save acts={acts} />
  </>
);

const Save = ({ acts }: { acts: Acts }) => (
  <ActionButton
    label="Save now"
    action={() => ({
      title: 'Save the state now?',
      explain: 'What is on the bot’s volume becomes the newest archive.',
      verb: 'Save',
      run: async (change) => {
        const { outcome } = await states.saveState({ id: acts.id, change });
        acts.reload();
        return outcome;
      },
    })}
  />
);

function Shown({ state, acts }: { state: State; acts: Acts }) {
  const { archive } = state;
  return (
    <div class="columns wide-left">
      <div>
        {state.overLimit === '' ? null : <p class="notice tone-trouble">{state.overLimit}</p>}
        {state.unreadable === '' ? null : <p class="notice tone-trouble">{state.unreadable}</p>}
        {state.problems.map((problem) => (
          <p key={problem} class="notice tone-waiting">
            {problem}
          </p>
        ))}
        <Section
          title="Keys"
          aside={archive === undefined ? undefined : <span class="soft">{count(archive.keys.length)}</span>}
        >
          {archive === undefined || archive.keys.length === 0 ? (
            <p class="soft">There are none.</p>
          ) : (
            <div class="table-box">
              <table class="table">
                <tbody>
                  {archive.keys.map(({ key, bytes: size }) => (
                    <tr key={key}>
                      <td class="wrap">
                        <code>{key}</code>
                      </td>
                      <td class="num nowrap">{bytes(Number(size))}</td>
                      <td class="num">
                        <Delete acts={acts} archiveKey={key} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Section>
      </div>
      <div>
        <Section title="Archive" aside={<Save acts={acts} />}>
          <Facts
            facts={[
              ['Saved', <Time ms={msOf(state.savedAt)} none="never" />],
              [
                'Size',
                archive === undefined
                  ? '–'
                  : `${bytes(Number(archive.bytes))}, ${count(archive.files)} files`,
              ],
              ['Restored', <Time ms={msOf(state.restoredAt)} none="never" />],
              ['Changed by the platform', <Time ms={msOf(state.platformChangedAt)} none="never" />],
              ...(state.deletedAt === undefined
                ? []
                : [['Deleted', <Time ms={msOf(state.deletedAt)} />] as const]),
            ]}
          />
        </Section>
        <Section title="Earlier archives">
          {state.earlier.length === 0 ? (
            <p class="soft">There are none yet.</p>
          ) : (
            <ul class="archives">
              {state.earlier.map((earlier) => (
                <li key={earlier.name}>
                  <Time ms={msOf(earlier.at)} /> <span class="soft">{bytes(Number(earlier.bytes))}</span>
                  <Restore acts={acts} earlier={earlier} />
                </li>
              ))}
            </ul>
          )}
        </Section>
        {archive === undefined ? null : <Delete acts={acts} archiveKey="" />}
      </div>
    </div>
  );
}

const Restore = ({ acts, earlier }: { acts: Acts; earlier: EarlierArchive }) => (
  <ActionButton
    label="Restore"
    action={() => ({
      title: 'Go back to this archive?',
      explain:
        'It takes the place of the present one, which becomes an earlier one; the bot is restarted with it.',
      verb: 'Restore',
      isDangerous: true,
      run: async (change) => {
        const { outcome } = await states.restoreState({ id: acts.id, archive: earlier.name, change });
        acts.reload();
        return outcome;
      },
    })}
  />
);

/** `archiveKey`: empty for all of it. */
const Delete = ({ acts, archiveKey }: { acts: Acts; archiveKey: string }) => (
  <ActionButton
    label={archiveKey === '' ? 'Delete all of it' : 'Delete'}
    tone="danger"
    action={() => ({
      title: archiveKey === '' ? 'Delete the whole state?' : `Delete the key ${archiveKey}?`,
      explain: 'The bot is restarted without it. The present archive stays as an earlier one.',
      verb: 'Delete',
      isDangerous: true,
      run: async (change) => {
        const { outcome } = await states.deleteState({ id: acts.id, key: archiveKey, change });
        acts.reload();
        return outcome;
      },
    })}
  />
);
