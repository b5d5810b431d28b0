"""Answers questions about the portfolio, whether a run is at it or not."""

import json
import os

from queries import query, run

STATE_FILE = os.path.join(os.environ["STATE_DIR"], "portfolio.json")


@query("/portfolio")
def portfolio(params):
    try:
        with open(STATE_FILE, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return {"runs": 0, "cash": None, "units": {}}
    wanted = params.get("symbol")
    units = {symbol: amount for symbol, amount in state["units"].items() if wanted in (None, symbol)}
    return {"runs": state["runs"], "cash": round(state["cash"], 2), "units": units}


run()
