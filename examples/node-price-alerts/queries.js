'use strict';
const fs = require('node:fs');
const http = require('node:http');

/** What the platform's SDK does for a query program: it serves, or answers one query and ends. */

const handlers = new Map([
  ['/health', () => ({ status: 'ok' })],
  ['/info', () => ({ available_queries: [...handlers.keys()] })],
]);

/** `handler` gets the parameters, whose values are strings. */
exports.query = (path, handler) => handlers.set(path, handler);

async function answer(path, params) {
  const handler = handlers.get(path);
  if (handler === undefined)
    return [404, { status: 'error', error: `no query ${path}`, available: [...handlers.keys()] }];
  try {
    return [200, { status: 'ok', data: await handler(params) }];
  } catch (error) {
    return [500, { status: 'error', error: error.message }];
  }
}

exports.run = async () => {
  const { QUERY_PATH, QUERY_PARAMS, THE0_QUERY_PORT } = process.env;
  if (QUERY_PATH !== undefined) {
    const [status, body] = await answer(QUERY_PATH, JSON.parse(QUERY_PARAMS || '{}'));
    fs.writeFileSync('/query/result.json', JSON.stringify(body));
    process.exitCode = status === 200 ? 0 : 1;
    return;
  }
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://query');
    const [status, body] = await answer(url.pathname, Object.fromEntries(url.searchParams));
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(Number(THE0_QUERY_PORT || 9476), '0.0.0.0');
};
