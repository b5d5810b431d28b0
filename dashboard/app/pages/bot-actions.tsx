import { BotPhase, type Bot } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import type { ChangeOf } from '../api/change.ts';
import { bots } from '../api/clients.ts';
import { putBot } from '../data/fleet.ts';
import { ActionButton } from '../parts/action-button.tsx';

type Answer = { bot?: Bot | undefined; outcome: string };

/** What can be done to a bot. What an operator wants is kept apart from what its owner wants, and lasts until it is lifted. */
export function BotActions({ bot, done }: { bot: Bot; done: () => void }) {
  const name = bot.name === '' ? bot.id : bot.name;
  const isHeld = bot.hold !== undefined;
  const notWanted = bot.enabled ? undefined : 'Its owner has it disabled';
  const run =
    (call: (request: { id: string; change: ChangeOf }) => Promise<Answer>) =>
    async (change: ChangeOf): Promise<string> => {
      const { bot: after, outcome } = await call({ id: bot.id, change });
      if (after !== undefined) putBot(after);
      done();
      return outcome;
    };
  return (
    <div class="actions" role="group" aria-label="Actions">
      <ActionButton
        label="Restart"
        off={isHeld ? 'It is held: release it first' : notWanted}
        action={() => ({
          title: `Restart ${name}?`,
          explain: 'It is stopped in order and started anew, once.',
          verb: 'Restart',
          run: run(bots.restartBot),
        })}
      />
      <ActionButton
        label="Start"
        off={startOff(bot)}
        action={() => ({
          title: `Start ${name}?`,
          explain: 'A hold is lifted, and it is tried at once where it failed or waits for its next try.',
          verb: 'Start',
          run: run(bots.startBot),
        })}
      />
      <ActionButton
        label="Stop"
        tone="danger"
        off={isHeld ? 'It is held already' : bot.phase === BotPhase.STOPPED ? 'It is stopped' : undefined}
        action={() => ({
          title: `Stop ${name}?`,
          explain:
            'It is stopped in order, and held until somebody starts or releases it, whatever its owner does.',
          verb: 'Stop',
          isDangerous: true,
          run: run(bots.stopBot),
        })}
      />
      {isHeld ? (
        <ActionButton
          label="Release"
          tone="primary"
          action={() => ({
            title: `Release ${name}?`,
            explain: `The hold of ${bot.hold?.who ?? ''} is lifted; its owner’s wish counts again.`,
            verb: 'Release',
            run: run(bots.releaseBot),
          })}
        />
      ) : (
        <ActionButton
          label="Hold"
          tone="danger"
          action={() => ({
            title: `Hold ${name}?`,
            explain:
              'It does not run until somebody releases it, whatever its owner does. If it runs it is stopped in order.',
            verb: 'Hold',
            isDangerous: true,
            run: run(bots.holdBot),
          })}
        />
      )}
    </div>
  );
}

function startOff(bot: Bot): string | undefined {
  if (bot.hold !== undefined) return undefined;
  if (!bot.enabled) return 'Its owner has it disabled';
  if (bot.phase === BotPhase.RUNNING) return 'It runs';
  return undefined;
}
