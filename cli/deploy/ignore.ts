/** What stays out of a code archive (contract §8.2). Paths are relative, with `/`. */

const DEFAULT_IGNORES = [
  '*.log',
  '*.tmp',
  '*.temp',
  'test/',
  'tests/',
  '__tests__/',
  '*.pyc',
  '*.pyo',
  '__pycache__/',
  '.DS_Store',
  'Thumbs.db',
  '.git/',
];

/** Built code and vendored dependencies: the bot needs them, whatever a rule says. */
const PROTECTED = ['vendor', 'node_modules', 'frontend/dist'];

type Rule = { pattern: RegExp; onlyDirectories: boolean; negated: boolean };

export type Ignore = (path: string, kind: 'file' | 'directory') => boolean;

/** `rules`: lines of `.the0ignore`, as in a .gitignore: `*`, `**`, `?`, a trailing `/`, a leading `/` or `!`, `#` comments. */
export function createIgnore(rules: string): Ignore {
  const compiled = [...DEFAULT_IGNORES, ...rules.split(/\r?\n/)]
    .map(compile)
    .filter((rule) => rule !== undefined);
  return (path, kind) => {
    if (path.split('/').some((part) => part.startsWith('.'))) return true;
    if (isProtected(path)) return false;
    let ignored = false;
    for (const rule of compiled)
      if ((!rule.onlyDirectories || kind === 'directory') && rule.pattern.test(path)) ignored = !rule.negated;
    // A folder that leads to something protected has to be entered.
    return ignored && !(kind === 'directory' && PROTECTED.some((kept) => kept.startsWith(`${path}/`)));
  };
}

const isProtected = (path: string): boolean =>
  PROTECTED.some((kept) => path === kept || path.startsWith(`${kept}/`));

function compile(line: string): Rule | undefined {
  let text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1);
  const onlyDirectories = text.endsWith('/');
  if (onlyDirectories) text = text.slice(0, -1);
  // A pattern with a slash inside is bound to the root, one without matches at any depth.
  const anchored = text.includes('/');
  const body = text
    .replace(/^\//, '')
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => GLOBS[part] ?? part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&'))
    .join('');
  return { pattern: new RegExp(`^${anchored ? '' : '(?:.*/)?'}${body}$`), onlyDirectories, negated };
}

const GLOBS: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
