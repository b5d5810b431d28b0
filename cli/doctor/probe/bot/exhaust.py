"""Taking all there is: processes, disk, memory. Memory last, since the kernel may end the whole container for it."""

import os
import signal
import subprocess
import sys

from say import name_of, say

MB = 1024 * 1024
MARGIN_MB = 64
WAIT_S = 15


def run(config):
    forks(config["processes"])
    for path, megabytes in config["tmpfs"].items():
        fill(path, megabytes + MARGIN_MB)
    for path in config["volumes"]:
        room(path)
    for path in config["large"]:
        grow(path, config["fileMegabytes"] + MARGIN_MB)
    take(config["memoryMegabytes"] + MARGIN_MB)


def forks(most):
    """Processes that only wait, until there are no more or `most` of them."""
    children = []
    try:
        while len(children) < most:
            child = os.posix_spawn("/bin/sleep", ["sleep", str(WAIT_S)], {})
            children.append(child)
        result, detail = "unbounded", ""
    except OSError as error:
        result, detail = "stopped", name_of(error)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    say("exhaust", "processes", result if children else "failed", f"{len(children)} {detail}".strip())


def in_process(code, *arguments):
    """Python of its own, which the kernel kills first where memory runs out. Returns its exit code and what it said."""
    first = "open('/proc/self/oom_score_adj', 'w').write('1000')\n"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-c", first + code, *map(str, arguments)]
    try:
        done = subprocess.run(command, timeout=WAIT_S, check=False, **pipes)
    except subprocess.TimeoutExpired:
        return None, 0
    said = done.stdout.decode().split()
    return done.returncode, int(said[-1]) if said else 0


# The file has no name by the time it grows, so it goes with the process.
FILL = """
import os, sys
path, most = sys.argv[1], int(sys.argv[2])
file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
os.unlink(path)
block = b'x' * 1048576
written = 0
try:
    while written < most * 1048576:
        written += os.write(file, block)
except OSError:
    print(written, flush=True)
    sys.exit(4)
print(written, flush=True)
"""

TAKE = """
import sys
kept = []
for taken in range(0, int(sys.argv[1]), 4):
    kept.append(b'x' * 4194304)
    print(taken + 4, flush=True)
"""


def verdict(code):
    return {0: "unbounded", 4: "full", -signal.SIGKILL: "killed"}.get(code, "failed")


def fill(folder, megabytes):
    code, written = in_process(FILL, os.path.join(folder, ".the0-probe"), megabytes)
    say("fill", folder, verdict(code), written // MB)


def take(megabytes):
    code, taken = in_process(TAKE, megabytes)
    say("exhaust", "memory", verdict(code), taken)


def room(path):
    """How large the file system says it is: where a volume is limited, as large as that."""
    facts = os.statvfs(path)
    say("room", path, str(facts.f_blocks * facts.f_frsize // MB))


def grow(path, megabytes):
    """A file with a hole, which takes no room, as long as no file may be."""
    made = not os.path.exists(path)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        before = os.fstat(file).st_size
        try:
            os.ftruncate(file, megabytes * MB)
            result, detail = "unbounded", ""
        except OSError as error:
            result, detail = "stopped", name_of(error)
        os.ftruncate(file, before)
        os.close(file)
        if made:
            os.unlink(path)
        say("grow", path, result, detail)
    except OSError as error:
        say("grow", path, "failed", name_of(error))
