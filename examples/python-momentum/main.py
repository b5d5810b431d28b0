"""Momentum on paper: long above the threshold, short below it, flat between."""

import json
import os
import random
import time

from rolling import Rolling

from telemetry import log, metric

STATE_FILE = os.path.join(os.environ["STATE_DIR"], "position.json")
START = {"ticks": 0, "price": 100.0, "position": "flat", "trades": 0}


def load():
    try:
        with open(STATE_FILE, encoding="utf-8") as file:
            return {**START, **json.load(file)}
    except FileNotFoundError:
        return dict(START)


def save(state):
    with open(STATE_FILE + ".tmp", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(STATE_FILE + ".tmp", STATE_FILE)


def wanted(change, threshold):
    if change > threshold:
        return "long"
    return "short" if change < -threshold else "flat"


def next_price(price, seed, tick):
    """A random walk; every step depends on seed and tick alone, so a restart goes on where it was."""
    return round(price * (1 + random.Random(seed * 1_000_003 + tick).gauss(0, 0.002)), 4)


def main(bot_id, config):
    symbol = config["symbol"]
    window = Rolling(int(config.get("window", 12)))
    threshold = float(config.get("threshold", 0.4))
    interval = float(config.get("interval_seconds", 2))
    seed = int(config.get("seed", 1))
    state = load()
    log("started", bot_id=bot_id, symbol=symbol, **state)
    try:
        while True:
            state["ticks"] += 1
            state["price"] = next_price(state["price"], seed, state["ticks"])
            window.add(state["price"])
            metric("price", symbol=symbol, value=state["price"])
            if window.full:
                trade(state, symbol, window, threshold)
            save(state)
            time.sleep(interval)
    finally:
        save(state)
        log("stopped", bot_id=bot_id, **state)


def trade(state, symbol, window, threshold):
    change = window.change_percent()
    position = wanted(change, threshold)
    if position == state["position"]:
        return
    log("position changed", symbol=symbol, before=state["position"], after=position, change_percent=round(change, 4))
    state["position"] = position
    state["trades"] += 1
    metric("trade", symbol=symbol, side=position, price=state["price"], mean=round(window.mean(), 4))
