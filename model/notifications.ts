/** What is told to whoever asked to be told: conditions of the installation that a person should know of. */

export const NOTIFICATION_KINDS = [
  /** A bot, or the runs of a schedule, failed so many times in a row. */
  'crash-loop',
  /** It does not run, and is not tried again as it is. */
  'failed',
  /** Ticks came while nobody handled them. */
  'missed-ticks',
  /** A bot is kept from running, since its state cannot be had. */
  'state-unavailable',
  /** The installation is full: runs or jobs wait, or a disk has no room. */
  'capacity',
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** What a condition is of. `id` is empty for the installation as a whole. */
export type Subject = { type: 'bot' | 'schedule' | 'installation'; id: string; name?: string };

/** That something is the matter just now, without the words for it. */
export type Sighting = {
  kind: NotificationKind;
  subject: Subject;
  /** Tells apart conditions of one kind and subject. */
  part?: string;
  since: Date;
};

/** Something is the matter just now. */
export type Condition = Sighting & {
  /** What, why and what to do, in plain words. `why` may be empty. */
  what: string;
  why: string;
  todo: readonly string[];
};

/** Names a condition: while one of this name lasts, nothing is told twice. */
export const conditionKey = ({
  kind,
  subject,
  part = '',
}: Pick<Sighting, 'kind' | 'subject' | 'part'>): string => [kind, subject.type, subject.id, part].join('/');

/** More new ones of one kind in one look are told together: one outage is one message, not ten thousand. */
export const TOLD_ONE_BY_ONE = 20;
const NAMED_IN_A_CROWD = 10;
/** More are told as several crowds, each on record by itself: a document has an end. */
export const MOST_IN_A_CROWD = 5_000;

/** A problem that was told and lasts; `members`: names of the conditions that were told together. */
export type OpenProblem = { key: string; members?: readonly string[] };

/** `members`: a new problem that stands for the conditions of these names. */
export type NewProblem = Condition & { members?: readonly string[] };

/** What one message is to tell: one condition, or a crowd of a kind. */
export type Fresh = {
  alike: readonly [Sighting, ...Sighting[]];
  /** Of a crowd: its own name, and how many new ones of the kind there are, in this crowd and others. */
  crowd?: { part: string; total: number };
};

/** What is new among all that is the matter, and which of the problems that were told are still there. Pure. */
export function sortOut(
  seen: readonly Sighting[],
  open: readonly OpenProblem[],
  at: Date,
): { fresh: Fresh[]; lasting: Set<string> } {
  const present = new Set(seen.map(conditionKey));
  const told = new Set(open.flatMap(({ key, members = [] }) => [key, ...members]));
  const fresh = seen.filter((sighting) => !told.has(conditionKey(sighting)));
  return {
    fresh: [...Map.groupBy(fresh, ({ kind }) => kind).values()].flatMap((alike) => together(alike, at)),
    lasting: new Set(
      open
        .filter(({ key, members = [key] }) => members.some((each) => present.has(each)))
        .map(({ key }) => key),
    ),
  };
}

function together(alike: readonly Sighting[], at: Date): Fresh[] {
  const total = alike.length;
  const size = total > TOLD_ONE_BY_ONE ? Math.ceil(total / Math.ceil(total / MOST_IN_A_CROWD)) : 1;
  const all: Fresh[] = [];
  for (let start = 0; start < total; start += size) {
    const [first, ...others] = alike.slice(start, start + size);
    if (first === undefined) continue;
    const crowd = { part: `many-${at.getTime()}${start === 0 ? '' : `-${start}`}`, total };
    all.push({ alike: [first, ...others], ...(size === 1 ? {} : { crowd }) });
  }
  return all;
}

/** Those that have to be put into words so that it can be told: a few, however many there are. */
export const toBeWorded = ({ alike }: Fresh): readonly Sighting[] => [...namedOf(alike), oldestOf(alike)];

const namedOf = (alike: Fresh['alike']): readonly Sighting[] => alike.slice(0, NAMED_IN_A_CROWD);
const oldestOf = (alike: Fresh['alike']): Sighting =>
  alike.reduce((one, other) => (other.since < one.since ? other : one));

/** In the words of those that `toBeWorded` named, by `conditionKey`; undefined: none of them is the matter any more. */
export function problemOf(
  { alike, crowd }: Fresh,
  words: ReadonlyMap<string, Condition>,
): NewProblem | undefined {
  const wordsFor = (sighting: Sighting): Condition[] => {
    const found = words.get(conditionKey(sighting));
    return found === undefined ? [] : [found];
  };
  const oldest = oldestOf(alike);
  const named = namedOf(alike).flatMap(wordsFor);
  const [leading] = [...wordsFor(oldest), ...named];
  if (leading === undefined || crowd === undefined) return leading;
  const count = alike.length === crowd.total ? `${crowd.total}` : `${alike.length} of ${crowd.total}`;
  return {
    kind: oldest.kind,
    subject: { type: 'installation', id: '' },
    part: crowd.part,
    since: oldest.since,
    what: `${count} problems of the kind ${oldest.kind} at once`,
    why: `${named.map(({ what }) => what).join('; ')}; and ${alike.length - named.length} more. The oldest: ${leading.why}`,
    todo: [
      'Look for what they have in common: a server that is away, a disk that is full, an image that changed',
      ...leading.todo,
    ],
    members: alike.map(conditionKey),
  };
}

/** The body of a message, as JSON. A reader refuses another `version`; fields may be added to this one. */
export type NotificationPayload = {
  version: 1;
  /** The same each time that this message is sent: it may come twice, and is to be acted upon once. */
  id: string;
  /** The same for the problem and for what tells of its end. */
  episode: string;
  status: 'problem' | 'resolved' | 'test';
  kind: NotificationKind | 'test';
  installation: string;
  subject: Subject;
  what: string;
  why: string;
  todo: readonly string[];
  /** RFC 3339. `until`: of a resolved one. */
  since: string;
  until?: string;
  at: string;
  /** Of the dashboard, if its address is known. */
  link?: string;
  /** All of it in one text, for chats. */
  text: string;
};

export type Told = Pick<Condition, 'subject' | 'since' | 'what' | 'why' | 'todo'> & {
  kind: NotificationPayload['kind'];
};

/** Where and when a message is made. */
export type Telling = { installation: string; dashboardUrl?: string | undefined; at: Date };

/** What a problem is told with. */
export const problemMessage = (
  told: Told,
  { episode, status = 'problem' }: { episode: string; status?: 'problem' | 'test' },
  telling: Telling,
): NotificationPayload => payloadOf({ ...told, episode, status }, telling);

/** What its end is told with. `until`: since when it was not seen any more. */
export const resolvedMessage = (
  told: Told,
  { episode, until }: { episode: string; until: Date },
  telling: Telling,
): NotificationPayload =>
  payloadOf({ ...told, episode, status: 'resolved', until: until.toISOString(), todo: [] }, telling);

type Parts = Told & Pick<NotificationPayload, 'episode' | 'status' | 'until'>;

function payloadOf(parts: Parts, { installation, dashboardUrl, at }: Telling): NotificationPayload {
  const { episode, status, kind, subject, what, why, todo, since, until } = parts;
  const link = dashboardUrl === undefined ? undefined : linkOf(dashboardUrl, subject);
  return {
    version: 1,
    id: `${episode}.${status}`,
    episode,
    status,
    kind,
    installation,
    subject,
    what,
    why,
    todo,
    since: since.toISOString(),
    ...(until === undefined ? {} : { until }),
    at: at.toISOString(),
    ...(link === undefined ? {} : { link }),
    text: textOf({ ...parts, installation, link }),
  };
}

/** The dashboard's page of it. */
function linkOf(dashboardUrl: string, { type, id }: Subject): string {
  const base = dashboardUrl.replace(/\/+$/, '');
  return type === 'installation' ? `${base}/` : `${base}/${type}s/${encodeURIComponent(id)}`;
}

function textOf({
  status,
  what,
  why,
  todo,
  since,
  until,
  installation,
  link,
}: Parts & { installation: string; link: string | undefined }): string {
  const head =
    status === 'resolved'
      ? `Over: ${what} (since ${since.toISOString()}, until ${until ?? ''}).`
      : `${what} (since ${since.toISOString()}).`;
  const lines = [
    `[${installation}] ${head}`,
    ...(why === '' ? [] : [status === 'resolved' ? `It was said: ${why}` : why]),
    ...todo.map((step) => `→ ${step}`),
    ...(link === undefined ? [] : [link]),
  ];
  return lines.map(forChats).join('\n');
}

/** Names and reasons are strangers’ words: in a chat, `<!channel>` or `@everyone` would call everybody. */
const forChats = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('@', '@\u200b');
