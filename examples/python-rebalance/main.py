"""Rebalancing on paper: one run brings the portfolio back to its target weights."""

import json
import os
import random

from telemetry import log, metric

STATE_FILE = os.path.join(os.environ["STATE_DIR"], "portfolio.json")
START_PRICES = {"BTC": 45000.0, "ETH": 2500.0, "SOL": 100.0}


def load(initial_value):
    try:
        with open(STATE_FILE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"runs": 0, "cash": initial_value, "units": {}, "trades": 0}


def save(state):
    with open(STATE_FILE + ".tmp", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(STATE_FILE + ".tmp", STATE_FILE)


def prices_at(symbols, seed, run):
    """A random walk; each price depends on seed and number of the run alone, so that a run repeated sees the same."""
    prices = {}
    for symbol in symbols:
        steps = random.Random(f"{seed}/{symbol}")
        price = START_PRICES.get(symbol, 50.0)
        for _ in range(run):
            price *= 1 + steps.gauss(0, 0.02)
        prices[symbol] = round(price, 4)
    return prices


def rebalance(state, targets, prices, drift):
    """Trades what is further than `drift` from its target, and returns the trades."""
    units = state["units"]
    value = state["cash"] + sum(units.get(symbol, 0) * prices[symbol] for symbol in targets)
    trades = []
    for symbol, target in targets.items():
        weight = units.get(symbol, 0) * prices[symbol] / value
        if abs(weight - target) <= drift:
            continue
        amount = (target - weight) * value / prices[symbol]
        units[symbol] = units.get(symbol, 0) + amount
        state["cash"] -= amount * prices[symbol]
        trades.append({"symbol": symbol, "side": "buy" if amount > 0 else "sell", "units": round(abs(amount), 6)})
    state["trades"] += len(trades)
    return value, trades


def main(bot_id, config):
    targets = config["targets"]
    if abs(sum(targets.values()) - 1) > 1e-6:
        raise ValueError(f"targets add up to {sum(targets.values())}, not to 1")
    state = load(float(config.get("initial_value", 10000)))
    state["runs"] += 1
    prices = prices_at(targets, int(config.get("seed", 1)), state["runs"])
    value, trades = rebalance(state, targets, prices, float(config.get("drift", 0.01)))
    for trade in trades:
        metric("trade", price=prices[trade["symbol"]], **trade)
    metric("portfolio_value", value=round(value, 2), cash=round(max(state["cash"], 0), 2))
    save(state)
    log("rebalanced", bot_id=bot_id, run=state["runs"], value=round(value, 2), trades=len(trades))
    result = {
        "status": "success",
        "message": f"{len(trades)} trades" if trades else "nothing had drifted",
        "data": {"value": round(value, 2), "prices": prices, "trades": trades},
    }
    with open("result.json", "w", encoding="utf-8") as file:
        json.dump(result, file)
