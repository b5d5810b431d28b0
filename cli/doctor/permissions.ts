import type { Settings } from '../../infra/config/settings.ts';
import { bad, ok, warn, type Check } from './check.ts';
import { inGb, type MachineFacts } from './machine.ts';

const MB = 2 ** 20;
const WRITTEN_BY_OTHERS = 0o002;
/** Archives that are on this machine's disk at once. */
const DOWNLOADS = 2;

/** What this user may do here, and what others may. Pure. */
export function permissionChecks(facts: MachineFacts, settings: Settings): Check[] {
  return [...socket(facts), data(facts), temporary(facts, settings), secrets(facts), ...seccomp(facts)];
}

function socket({ socket }: MachineFacts): Check[] {
  const name = 'engine socket';
  if (socket === undefined) return [];
  const { path, mode, usable } = socket;
  const what = `${path}, mode ${mode.toString(8).padStart(4, '0')}`;
  if ((mode & WRITTEN_BY_OTHERS) !== 0)
    return [
      warn(
        name,
        `${what}: every user of this machine may use it, and whoever may is root`,
        `chmod o-rw ${path}`,
      ),
    ];
  return [
    usable
      ? ok(name, what)
      : bad(name, `${what}: this user may not use it`, 'add the user to the socket’s group, or run as root'),
  ];
}

function data({ data: { folder, writable } }: MachineFacts): Check {
  const name = 'data folder';
  return writable
    ? ok(name, folder)
    : warn(
        name,
        `${folder} cannot be written: \`up\` cannot run here`,
        'run it as the folder’s owner, or with --data and UP_FILE elsewhere',
      );
}

function temporary({ temporary }: MachineFacts, { CODE_MAX_ARCHIVE_MB: archive }: Settings): Check {
  const name = 'temporary folder';
  const { folder, writable, freeBytes } = temporary;
  if (!writable)
    return bad(
      name,
      `${folder} cannot be written: no bot’s code can be fetched`,
      'set TMPDIR to a folder that can',
    );
  const needed = DOWNLOADS * archive * MB;
  return freeBytes !== undefined && freeBytes < needed
    ? warn(
        name,
        `${inGb(freeBytes)} free in ${folder}: ${DOWNLOADS} archives of CODE_MAX_ARCHIVE_MB=${archive} may be there at once`,
        'make room, or set TMPDIR to a larger folder',
      )
    : ok(name, folder);
}

function secrets({ openSecrets }: MachineFacts): Check {
  const name = 'secret files';
  return openSecrets.length === 0
    ? ok(name, 'none that every user may read')
    : warn(
        name,
        `every user of this machine may read ${openSecrets.join(', ')}`,
        `chmod o-r ${openSecrets.join(' ')}`,
      );
}

function seccomp({ seccompProblem }: MachineFacts): Check[] {
  return seccompProblem === undefined
    ? []
    : [bad('seccomp profile', seccompProblem, 'correct the path or the file; processors refuse to start')];
}
