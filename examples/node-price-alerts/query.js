'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { query, run } = require('./queries.js');

const STATE_FILE = path.join(process.env.STATE_DIR, 'alerts.json');

/** Reads what the bot writes while it runs; the state cannot be written from here. */
query('/alerts', () => {
  const { symbol } = JSON.parse(process.env.BOT_CONFIG);
  const state = fs.existsSync(STATE_FILE) ? JSON.parse(fs.readFileSync(STATE_FILE, 'utf8')) : {};
  return { symbol, ticks: 0, alerts: 0, ...state };
});

void run();
