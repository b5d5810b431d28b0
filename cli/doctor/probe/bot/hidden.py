"""The installation's secrets, looked for in everything that this bot can read.

It is not told them: it knows the length of each, and a keyed digest. Of what it finds it says the name alone.
"""

import hmac
import os

from say import say

MOST_BYTES = 64 * 1024
MOST_FILES = 500


def run(config):
    look = looker(bytes.fromhex(config["salt"]), config["secrets"])
    look("its environment", "\0".join(f"{name}={value}" for name, value in os.environ.items()).encode())
    for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        if int(pid) != os.getpid():
            look(f"the environment of process {pid}", read(f"/proc/{pid}/environ"))
            look(f"the command of process {pid}", read(f"/proc/{pid}/cmdline"))
    files = list(mounted_files(config["mounts"]))
    for path in files:
        look(path, read(path))
    say("secrets", "", "looked", f"its environment, that of other processes, {len(files)} mounted files")


def looker(salt, secrets):
    known = {}
    for secret in secrets:
        known.setdefault(secret["bytes"], {})[bytes.fromhex(secret["digest"])] = secret["name"]

    def look(where, text):
        for length, digests in known.items():
            for start in range(len(text) - length + 1):
                name = digests.get(hmac.digest(salt, text[start : start + length], "sha256"))
                if name is not None:
                    say("secrets", where, "found", name)
                    break

    return look


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return b""


def mounted_files(mounts):
    found = 0
    for mount in mounts:
        if os.path.isfile(mount):
            yield mount
        for folder, _, names in os.walk(mount):
            for name in names:
                path = os.path.join(folder, name)
                if found < MOST_FILES and os.path.isfile(path):
                    found += 1
                    yield path
