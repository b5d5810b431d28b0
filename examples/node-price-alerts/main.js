'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: wait } = require('node:timers/promises');
const { log, metric } = require('./telemetry.js');

const STATE_FILE = path.join(process.env.STATE_DIR, 'alerts.json');

function load(basePrice) {
  const start = { ticks: 0, reference: basePrice, alerts: 0 };
  return fs.existsSync(STATE_FILE) ? { ...start, ...JSON.parse(fs.readFileSync(STATE_FILE, 'utf8')) } : start;
}

function save(state) {
  fs.writeFileSync(`${STATE_FILE}.tmp`, JSON.stringify(state));
  fs.renameSync(`${STATE_FILE}.tmp`, STATE_FILE);
}

/** Two waves of different length: it moves, it comes back, and the same tick has always the same price. */
const priceAt = (basePrice, tick) =>
  Number((basePrice * (1 + 0.01 * Math.sin(tick / 9) + 0.004 * Math.sin(tick / 2.3))).toFixed(2));

/** Aborting `signal` (SIGTERM) ends the wait by an AbortError, which the runtime takes for the orderly end that it is. */
async function main(botId, config, { signal }) {
  const {
    symbol,
    base_price: basePrice = 45_000,
    alert_threshold: threshold = 0.5,
    update_interval_ms: intervalMs = 2000,
  } = config;
  const state = load(basePrice);
  log('started', { botId, symbol, ...state });
  try {
    for (;;) {
      state.ticks += 1;
      const price = priceAt(basePrice, state.ticks);
      const movePercent = (100 * (price - state.reference)) / state.reference;
      metric('price', { symbol, value: price, move_percent: Number(movePercent.toFixed(4)) });
      if (Math.abs(movePercent) >= threshold) {
        state.alerts += 1;
        state.reference = price;
        metric('alert', { symbol, price, direction: movePercent > 0 ? 'up' : 'down' });
        log(`${symbol} moved by ${movePercent.toFixed(2)} %`, { price }, 'warn');
      }
      save(state);
      await wait(intervalMs, undefined, { signal });
    }
  } finally {
    save(state);
    log('stopped', { botId, ...state });
  }
}

module.exports = { main };
