#!/bin/sh
# Starts a bot that is a program of its own (native, JVM, .NET) inside its container.
#
# Usage: launch.sh CODE_DIR RUN_DIR WORK_DIR PROGRAM [ARGUMENT...]
#
# Makes WORK_DIR look like CODE_DIR, puts the configuration into the environment, and becomes PROGRAM: signals and
# exit code are the program's own. POSIX only: it must run under dash and busybox.
set -u
code=$1 run=$2 work=$3
shift 3

# As the inside of a JSON string; a control character becomes a space.
escaped() {
  rest=$1
  while plain=${rest%%[\"\\[:cntrl:]]*}; [ "$plain" != "$rest" ]; do
    rest=${rest#"$plain"}
    case $rest in
      [\"\\]*) printf '%s\\%.1s' "$plain" "$rest" ;;
      *) printf '%s ' "$plain" ;;
    esac
    rest=${rest#?}
  done
  printf '%s' "$rest"
}

# In a bot's log the platform shows this line as an error (contract §4.2; the time is added there). What a query's program
# says is shown to whoever asked.
fail() {
  if [ -n "${QUERY_PATH:-}${THE0_QUERY_PORT:-}" ]; then
    printf '%s\n' "$2" >&2
  else
    printf '{"level":"error","message":"Failed to start process: %s"}\n' "$(escaped "$2")" >&2
  fi
  exit "$1"
}

# A pattern that matches nothing stays as it is written, and then names no file.
link() {
  [ -e "$1" ] || return 0
  ln -s "$@" "$work/"
}

{
  link "$code"/* && link "$code"/.[!.]* && link "$code"/..?* &&
    # -n: the archive's own result.json, should there be a directory of that name, is replaced and not entered.
    ln -sfn "$run/result.json" "$work/result.json" &&
    cd "$work" &&
    mkdir -p "$STATE_DIR" "$LOGS_PATH"
} || fail 1 'CHDIR_ERROR: the working directory cannot be prepared'

# A single query leaves its answer where it can be read after the end.
if [ -n "${QUERY_PATH:-}" ]; then
  ln -s "$run/query.json" /query/result.json || fail 1 'CHDIR_ERROR: the result of the query has no place'
fi

BOT_CONFIG=$(cat "$run/config.json") || fail 1 'CONFIG_ERROR: the configuration cannot be read'
# CONFIG is the name that older bots read.
CONFIG=$BOT_CONFIG
export BOT_CONFIG CONFIG

case $1 in
  */*)
    [ -f "$1" ] || fail 127 "EXECUTE_ERROR: there is no file $1"
    [ -x "$1" ] || fail 126 "EXECUTE_ERROR: $1 is not executable"
    ;;
  *) command -v "$1" >/dev/null 2>&1 || fail 127 "EXECUTE_ERROR: the image has no $1" ;;
esac
# Runs only where the program could not be executed: else there is no shell any more.
trap 'fail $? "EXECUTE_ERROR: $1 cannot be executed: it may need a loader or an interpreter that the image has not"' EXIT
exec "$@"
