import type { Command } from 'commander';
import { PHASES, type Phase } from '../../model/status.ts';
import { botPhases } from '../../producers/control/api/bot-messages.ts';
import { wordsFlag } from './flags.ts';

/** Which bots of all. */
export type FilterFlags = { phase?: Phase[]; text?: string; runtime?: string; held?: boolean };

export const filtering = (command: Command): Command =>
  command
    .addOption(wordsFlag('--phase <phases>', 'in these phases', 'phase', PHASES))
    .option('--text <part>', 'part of an id, name, type or version')
    .option('--runtime <runtimes>', 'comma-separated, such as python3.11')
    .option('--held', 'only those that an operator holds');

export const filterOf = ({ phase = [], text = '', runtime = '', held = false }: FilterFlags) => ({
  phases: phase.map(botPhases.value),
  text,
  runtimes: runtime.split(',').filter((name) => name !== ''),
  held,
});

/** Whether that is all of them. */
export const isUnfiltered = ({ phases, text, runtimes, held }: ReturnType<typeof filterOf>): boolean =>
  phases.length + runtimes.length === 0 && text === '' && !held;
