"""Answers questions about the bot while it runs: it reads the state that the bot writes, and can write nothing itself."""

import json
import os

from queries import query, run

STATE_FILE = os.path.join(os.environ["STATE_DIR"], "position.json")
CONFIG = json.loads(os.environ["BOT_CONFIG"])


def position():
    try:
        with open(STATE_FILE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"ticks": 0, "position": "flat", "trades": 0}


@query("/status")
def status(params):
    return {"symbol": CONFIG["symbol"], **position()}


@query("/value")
def value(params):
    """What so many units are worth: `units` comes as a string, as all parameters do."""
    return {"symbol": CONFIG["symbol"], "value": round(float(params.get("units", "1")) * position()["price"], 2)}


run()
