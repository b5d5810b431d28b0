'use strict';

/** Log lines and metrics in the platform's format: one JSON object a line. */

const line = (fields) => `${JSON.stringify({ ...fields, timestamp: new Date().toISOString() })}\n`;

exports.log = (message, fields = {}, level = 'info') =>
  process.stderr.write(line({ level, message, ...fields }));

exports.metric = (type, data) => process.stdout.write(line({ _metric: type, ...data }));
