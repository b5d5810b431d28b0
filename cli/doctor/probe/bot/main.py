"""The probe: a bot that tries what no bot may, and says of each how it went.

Started by `npx the0-runtime doctor --probe`, as any bot is: same launcher, same container, same network. It does no
harm where it succeeds: it takes back what it wrote, gives back what it took, and ends after `seconds` whatever happens.
What it prints are facts, one JSON object a line; the doctor judges.
"""

import os
import signal

import exhaust
import hidden
import privileges
import reach
import write
from say import say


def main(bot_id, config):
    signal.signal(signal.SIGALRM, lambda *_: os._exit(3))
    signal.alarm(config["seconds"])
    if config["role"] == "neighbour":
        return reach.listen(config["port"])
    for step in (reach.run, write.run, hidden.run, privileges.run, exhaust.run):
        try:
            step(config)
        except Exception as error:  # One step that fails says so, and the others are taken all the same.
            say("step", step.__module__, "failed", f"{type(error).__name__}: {error}")
    say("end", "", "done")
