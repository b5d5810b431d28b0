import type { Completed, Flag } from './table.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that has the shell complete `the0-runtime`. `ask`: the command that prints ids of a kind, quoted for shells. */
export function completionScript(shell: Shell, table: readonly Completed[], ask: string): string {
  if (shell === 'fish') return fish(table, ask);
  return shell === 'bash' ? bash(table, ask) : zsh(table, ask);
}

/** Quoted for all three: nothing in it is anything but text. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const paths = (table: readonly Completed[]): string =>
  table
    .filter(({ path }) => path !== '')
    .map(({ path }) => `' ${path}'`)
    .join('|');

/** Flags behind which a value stands, which is no argument of the command. */
const valued = (table: readonly Completed[]): string =>
  [
    ...new Set(
      table.flatMap(({ flags }) => flags.filter(({ takesValue }) => takesValue).map(({ name }) => name)),
    ),
  ].join('|');

const key = (path: string): string => (path === '' ? '' : ` ${path}`);
const kindsOf = ({ ids }: Completed): string => ids.map((kind) => kind ?? '-').join(' ');

/** Where the cursor is: the command in `at`, how many of its arguments are there already in `places`. */
const walk = (table: readonly Completed[], words: string): string => `
  for word in ${words}; do
    if [[ -n "$skip" ]]; then skip=''; continue; fi
    case "$at $word" in
      ${paths(table)}) at="$at $word"; places=0; continue ;;
    esac
    case "$word" in
      ${valued(table)}) skip=1 ;;
      -*) ;;
      *) places=$((places + 1)) ;;
    esac
  done`;

const valuesCases = (table: readonly Completed[]): string =>
  table
    .flatMap(({ path, flags }) =>
      flags
        .filter((flag): flag is Flag & { values: readonly string[] } => flag.values !== undefined)
        .map(({ name, values }) => `    '${key(path)} ${name}') values=${quoted(values.join(' '))} ;;`),
    )
    .join('\n');

const bash = (table: readonly Completed[], ask: string): string => `# Completion of the0-runtime for bash:
#   source <(the0-runtime completion bash)
_the0_runtime() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  local at='' skip='' word words='' flags='' kinds='' values='' kind places=0
  COMPREPLY=()${walk(table, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  case "$at $prev" in
${valuesCases(table)}
  esac
  if [[ -n "$values" ]]; then COMPREPLY=($(compgen -W "$values" -- "$cur")); return; fi
  if [[ -n "$skip" ]]; then COMPREPLY=($(compgen -f -- "$cur")); return; fi
  case "$at" in
${table
  .map(
    (entry) =>
      `    '${key(entry.path)}') words=${quoted(entry.words.map(({ name }) => name).join(' '))}; flags=${quoted(entry.flags.map(({ name }) => name).join(' '))}; kinds=${quoted(kindsOf(entry))} ;;`,
  )
  .join('\n')}
  esac
  if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur")); return; fi
  if ((places == 0)); then COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
  set -- $kinds
  kind="\${@:places+1:1}"
  if [[ "$kind" == '-' ]]; then COMPREPLY+=($(compgen -f -- "$cur"))
  elif [[ -n "$kind" ]]; then COMPREPLY+=($(compgen -W "$(${ask} "$kind" 2>/dev/null)" -- "$cur")); fi
}
complete -F _the0_runtime the0-runtime
`;

const described = (words: readonly { name: string; about: string }[]): string =>
  words.map(({ name, about }) => quoted(`${name}:${about}`)).join(' ');

const zsh = (table: readonly Completed[], ask: string): string => `#compdef the0-runtime
# Completion of the0-runtime for zsh:
#   source <(the0-runtime completion zsh)
_the0_runtime() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT - 1]}"
  local at='' skip='' word values='' kind places=0
  local -a commands flags kinds found${walk(table, '"${(@)words[2,CURRENT-1]}"')}
  case "$at $prev" in
${valuesCases(table)}
  esac
  if [[ -n "$values" ]]; then compadd -- \${=values}; return; fi
  if [[ -n "$skip" ]]; then _files; return; fi
  case "$at" in
${table
  .map(
    (entry) =>
      `    '${key(entry.path)}') commands=(${described(entry.words)}); flags=(${described(entry.flags)}); kinds=(${kindsOf(entry)}) ;;`,
  )
  .join('\n')}
  esac
  if [[ "$cur" == -* ]]; then _describe -o flag flags; return; fi
  if ((places == 0 && \${#commands})); then _describe command commands; fi
  kind="\${kinds[places + 1]}"
  if [[ "$kind" == '-' ]]; then _files
  elif [[ -n "$kind" ]]; then
    found=(\${(f)"$(${ask} "$kind" 2>/dev/null)"})
    compadd -- $found
  fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _the0_runtime the0-runtime
`;

function fish(table: readonly Completed[], ask: string): string {
  const all = table.filter(({ path }) => path !== '').map(({ path }) => quoted(` ${path}`));
  const lines = table.flatMap((entry) => {
    const here = `-n ${quoted(`__the0_at ${quoted(key(entry.path))}`)}`;
    return [
      ...entry.words.map(
        ({ name, about }) =>
          `complete -c the0-runtime -f ${here.replace(/'$/, " 0'")} -a ${quoted(name)} -d ${quoted(about)}`,
      ),
      ...entry.flags.map(
        ({ name, about, takesValue, values }) =>
          `complete -c the0-runtime ${here} -l ${name.slice(2)} -d ${quoted(about)}${takesValue ? ' -r' : ''}${values === undefined ? '' : ` -f -a ${quoted(values.join(' '))}`}`,
      ),
      ...entry.ids.map((kind, place) =>
        kind === undefined
          ? `complete -c the0-runtime -F ${here.replace(/'$/, ` ${place}'`)}`
          : `complete -c the0-runtime -f ${here.replace(/'$/, ` ${place}'`)} -a ${quoted(`(${ask} ${kind} 2>/dev/null)`)}`,
      ),
    ];
  });
  return `# Completion of the0-runtime for fish:
#   the0-runtime completion fish | source
function __the0_at
  set -l at ''
  set -l skip 0
  set -l places 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    if contains -- "$at $word" ${all.join(' ')}
      set at "$at $word"
      set places 0
      continue
    end
    switch $word
      case ${valued(table).replaceAll('|', ' ')}
        set skip 1
      case '-*'
      case '*'
        set places (math $places + 1)
    end
  end
  test "$at" = "$argv[1]"; and begin; test (count $argv) -lt 2; or test $places = $argv[2]; end
end
complete -c the0-runtime -f
${lines.join('\n')}
`;
}
