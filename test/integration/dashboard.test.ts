import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { testServers } from '../support/servers.ts';
import { startTestDashboard, type Browser, type TestDashboard } from '../support/dashboard.ts';

/** Login, session, and the control API as the dashboard's own pages call it. */
const servers = testServers();
const HTML = 'text/html';
const WHO_AM_I = 'InstallationService/WhoAmI';
const change = { reason: 'a test' };
let dashboard: TestDashboard;
let viewer: Browser;
let operator: Browser;
let operatorName: string;

beforeAll(async () => {
  dashboard = await startTestDashboard(servers.environment);
  viewer = await dashboard.browser((await dashboard.token('viewer')).text);
  operatorName = '<img src=x onerror=alert(1)> & Söhne';
  const token = await dashboard.token('operator', { name: operatorName });
  operator = await dashboard.browser(token.text);
});

afterAll(() => dashboard.stop());

const sessions = () => dashboard.connections.collections.browserSessions;
const revoke = (id: string) =>
  dashboard.connections.collections.apiTokens.updateOne({ _id: id }, { $set: { revokedAt: new Date() } });

describe('without a login', () => {
  it('a page leads there and back again, and a program hears 401', async () => {
    const page = await dashboard.call('/bots/x?tab=log', { headers: { accept: HTML } });
    expect(page.status).toBe(303);
    expect(page.headers.get('location')).toBe('/login?next=%2Fbots%2Fx%3Ftab%3Dlog');
    for (const path of ['/', '/session', '/queues/api/queues', '/queues/static/js/x.js', '/nothing'])
      expect((await dashboard.call(path)).status, path).toBe(401);
    const api = await dashboard.call(`/api/the0.runtime.v1.${WHO_AM_I}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(api.status).toBe(401);
    expect(await api.json()).toMatchObject({ code: 'unauthenticated' });
  });

  it('the login page is there, under a policy without anything inline, in nobody’s frame', async () => {
    const page = await dashboard.call('/login?next=%2Fbots', { headers: { accept: HTML } });
    const html = await page.text();
    expect(html).toContain('name="next" value="/bots"');
    expect(html).not.toMatch(/<script|<style|style=|https?:\/\//);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect((await dashboard.call('/assets/pages.css')).status).toBe(200);
  });
});

describe('the login', () => {
  it('takes a token, and gives a cookie that no script and no other site can use', async () => {
    const { text, id } = await dashboard.token('viewer');
    const response = await dashboard.login(text, { next: '/runs?state=failed' });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/runs?state=failed');
    const [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';');
    expect(response.headers.get('set-cookie')).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const kept = JSON.stringify(await sessions().find({ tokenId: id }).toArray());
    expect(kept).not.toContain(cookie.split('=')[1]);
    expect(kept).not.toContain(text);
    const page = await dashboard.call('/bots', { headers: { cookie, accept: HTML } });
    expect(page.status).toBe(200);
    const parts = [...(await page.text()).matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(parts.length).toBeGreaterThan(1);
    for (const path of parts) expect((await dashboard.call(path)).status, path).toBe(200);
    const ours = parts.find((path) => /-[\w-]{8,}\.(css|js)$/.test(path)) ?? '';
    expect((await dashboard.call(ours)).headers.get('cache-control')).toContain('immutable');
    // Who is in already need not log in again.
    const again = await dashboard.call('/login?next=/runs', { headers: { cookie, accept: HTML } });
    expect(again.headers.get('location')).toBe('/runs');
  });

  it('says in plain words why not, and no more than that', async () => {
    const expired = await dashboard.token('viewer', { lifetimeMs: 60_000 });
    await dashboard.connections.collections.apiTokens.updateOne(
      { _id: expired.id },
      { $set: { expiresAt: new Date(Date.now() - 1) } },
    );
    const revoked = await dashboard.token('viewer');
    await revoke(revoked.id);
    const secret = 'x'.repeat(43);
    await using other = await startTestDashboard(servers.environment);
    const told = async (token: string): Promise<string> => {
      const response = await other.login(token);
      expect(response.status).toBe(401);
      expect(response.headers.get('set-cookie')).toBeNull();
      const html = await response.text();
      expect(html).not.toContain(secret);
      return /role="alert">([^<]+)</.exec(html)?.[1] ?? '';
    };
    expect(await told(`"><script>${secret}`)).toMatch(/^That is no token/);
    const wrongSecret = await told(`the0_${revoked.id}_${secret}`);
    expect(wrongSecret).toMatch(/^This token is not known here/);
    expect(await told(`the0_${'0'.repeat(12)}_${secret}`)).toBe(wrongSecret);
    expect(await told(expired.text)).toMatch(/^This token has expired/);
    expect(await told(revoked.text)).toMatch(/^This token was revoked/);
  });

  it('shrugs off a thousand logins a minute, and those who are in hardly notice', async () => {
    // Time stands still: a thousand tries may take longer than the second that the first refusal lasts.
    let now = new Date();
    await using other = await startTestDashboard(servers.environment, { now: () => now });
    const { text } = await other.token('viewer');
    const inside = await other.browser(text);
    const answers = new Map<number, number>();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let tries = 0; tries < 50; tries += 1) {
          const { status } = await other.login(`the0_${'0'.repeat(12)}_${'g'.repeat(43)}`);
          answers.set(status, (answers.get(status) ?? 0) + 1);
        }
      }),
    );
    expect([...answers.keys()].sort()).toEqual([401, 429]);
    expect(answers.get(401)).toBeLessThan(60);
    const unknownHere = (await other.token('admin')).text;
    const refused = await other.login(unknownHere);
    expect(refused.status).toBe(429);
    const waitSeconds = Number(refused.headers.get('retry-after'));
    expect(waitSeconds).toBeGreaterThan(0);
    expect((await inside.get('/session')).status).toBe(200);
    // A token that is known here is no guess.
    expect((await other.login(text)).status).toBe(303);
    now = new Date(now.getTime() + waitSeconds * 1000);
    expect((await other.login(unknownHere)).status).toBe(303);
  });

  it('of one token holds a bounded number of sessions: the oldest gives way', async () => {
    const { text, id } = await dashboard.token('viewer');
    const first = await dashboard.browser(text);
    for (let more = 0; more < 20; more += 1) await dashboard.login(text);
    expect(await sessions().countDocuments({ tokenId: id })).toBe(20);
    expect((await first.get('/session')).status).toBe(401);
    expect((await viewer.get('/session')).status).toBe(200);
  });

  it('behind a proxy that speaks TLS, marks the cookie so, and goes by the name that the browser knows', async () => {
    const told = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'runtime.example' };
    const headers = { ...told, origin: 'https://runtime.example' };
    const { text } = await dashboard.token('viewer');
    // Nobody said that there is a proxy: whoever says these things here is not believed.
    expect((await dashboard.login(text, { headers })).status).toBe(403);
    await using proxied = await startTestDashboard({
      ...servers.environment,
      CONTROL_BEHIND_PROXY: '127.0.0.1',
    });
    const response = await proxied.login(text, { headers });
    const { port } = new URL(proxied.server.url);
    expect(response.headers.get('set-cookie')).toMatch(
      new RegExp(`^__Host-the0_session_${port}=[\\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Strict$`),
    );
    const [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';');
    expect((await proxied.call('/session', { headers: { ...told, cookie } })).status).toBe(200);
    const warned = async (from: string) =>
      (
        await (
          await proxied.call('/login', {
            headers: { ...told, 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': from },
          })
        ).text()
      ).includes('not encrypted');
    expect([await warned('http'), await warned('https')]).toEqual([true, false]);
  });

  it('is not made by another site’s page', async () => {
    const { text } = await dashboard.token('viewer');
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect((await dashboard.login(text, { headers })).status).toBe(403);
  });

  it('answers bad input without a stack trace', async () => {
    const json = { 'content-type': 'application/json' };
    const bodies = ['{"token":', `{"token":"${'x'.repeat(20_000)}"}`, '{"token":{"$gt":""}}', '[]'];
    for (const [index, status] of [400, 413, 401, 401].entries()) {
      const answer = await dashboard.call('/login', {
        method: 'POST',
        headers: json,
        body: bodies[index] ?? '',
      });
      expect(answer.status).toBe(status);
      expect(await answer.text()).not.toMatch(/node_modules|at .*\.ts/);
    }
  });
});

describe('a session', () => {
  it('tells whose it is, for how long, and what its pages have to send', async () => {
    const told = (await (await operator.get('/session')).json()) as Record<string, string>;
    expect(told).toMatchObject({ name: operatorName, role: 'operator' });
    expect(told['csrfToken']).toMatch(/^[\w-]{43}$/);
    const left = Date.parse(told['expiresAt'] ?? '') - Date.now();
    expect(left).toBeGreaterThan(23 * 3_600_000);
    const short = await dashboard.browser((await dashboard.token('viewer', { lifetimeMs: 600_000 })).text);
    const { expiresAt } = (await (await short.get('/session')).json()) as { expiresAt: string };
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(600_000);
  });

  it('outlives a restart of the controller, and holds at another one', async () => {
    await using other = await startTestDashboard(servers.environment);
    const port = /the0_session_(\d+)/.exec(operator.cookie)?.[1] ?? '';
    const cookie = operator.cookie.replace(port, new URL(other.server.url).port);
    expect((await other.call('/session', { headers: { cookie } })).status).toBe(200);
  });

  it('ends when its token is revoked, or expires', async () => {
    const [revoked, expired] = [await dashboard.token('viewer'), await dashboard.token('viewer')];
    const browsers = [await dashboard.browser(revoked.text), await dashboard.browser(expired.text)];
    await revoke(revoked.id);
    await dashboard.connections.collections.apiTokens.updateOne(
      { _id: expired.id },
      { $set: { expiresAt: new Date() } },
    );
    for (const browser of browsers)
      await until(async () => (await browser.api(WHO_AM_I, {})).status === 401, { timeoutMs: 5_000 });
    const page = await browsers[0]?.get('/bots', HTML);
    expect(page?.headers.get('location')).toBe('/login?next=%2Fbots&ended=1');
    const login = await browsers[0]?.get('/login?next=%2Fbots&ended=1', HTML);
    expect(await login?.text()).toContain('Your session has ended');
  });

  it('ends when nobody uses it, and in the end in any case', async () => {
    const { text, id } = await dashboard.token('viewer');
    const [idle, old] = [await dashboard.browser(text), await dashboard.browser(text)];
    const [oldest, newest] = await sessions().find({ tokenId: id }).sort({ createdAt: 1 }).toArray();
    await sessions().updateOne(
      { _id: oldest?._id ?? '' },
      { $set: { usedAt: new Date(Date.now() - 8 * 3_600_001) } },
    );
    await sessions().updateOne({ _id: newest?._id ?? '' }, { $set: { endsAt: new Date() } });
    for (const browser of [idle, old])
      await until(async () => (await browser.get('/session')).status === 401, { timeoutMs: 5_000 });
  });

  it('ends at logout, which nobody else can do for it', async () => {
    const browser = await dashboard.browser((await dashboard.token('viewer')).text);
    const { cookie, headers } = browser;
    const forged: Record<string, string>[] = [
      { cookie },
      { cookie, 'x-csrf-token': operator.csrfToken },
      { ...headers, origin: 'https://evil.example' },
    ];
    for (const each of forged)
      expect((await dashboard.call('/logout', { method: 'POST', headers: each })).status).toBe(403);
    expect((await browser.get('/session')).status).toBe(200);
    const out = await browser.send('POST', '/logout');
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/Expires=Thu, 01 Jan 1970/);
    expect((await browser.get('/session')).status).toBe(401);
  });

  it('ends by the page that has a form for it, which shows names as they are', async () => {
    const html = await (await operator.get('/logout', HTML)).text();
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; Söhne');
    const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
    const browser = await dashboard.browser((await dashboard.token('viewer')).text);
    const form = (value: string) =>
      dashboard.call('/logout', {
        method: 'POST',
        headers: {
          cookie: browser.cookie,
          origin: dashboard.server.url,
          accept: HTML,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ csrf: value }).toString(),
      });
    expect((await form(csrf)).status).toBe(403);
    const out = await form(browser.csrfToken);
    expect(out.headers.get('location')).toBe('/login');
    expect((await browser.get('/session')).status).toBe(401);
  });

  it.each(['x', 'x'.repeat(43), `${'x'.repeat(43)}=`, '../../etc', '%00'])('is not %j', async (value) => {
    const { port } = new URL(dashboard.server.url);
    const answer = await dashboard.call('/session', { headers: { cookie: `the0_session_${port}=${value}` } });
    expect(answer.status).toBe(401);
  });
});

describe('the API of the dashboard’s pages', () => {
  it('knows the caller by the session', async () => {
    const answer = await operator.api(WHO_AM_I, {});
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ name: operatorName, role: 'ROLE_OPERATOR' });
  });

  it('refuses what lacks the session’s token, or comes from elsewhere, by reads as by changes', async () => {
    const { headers, cookie } = operator;
    const forged: Record<string, string>[] = [
      { cookie },
      { cookie, 'x-csrf-token': '' },
      { cookie, 'x-csrf-token': viewer.csrfToken },
      { ...headers, origin: 'https://evil.example' },
      { ...headers, origin: 'http://127.0.0.1:1' },
      { ...headers, 'sec-fetch-site': 'same-site' },
    ];
    for (const each of forged) {
      const answer = await dashboard.call(`/api/the0.runtime.v1.${WHO_AM_I}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...each },
        body: '{}',
      });
      expect(answer.status, JSON.stringify(each)).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'permission_denied' });
    }
  });

  it('is for pages alone: a cookie says nothing where programs call', async () => {
    const answer = await operator.send(
      'POST',
      `/the0.runtime.v1.${WHO_AM_I}`,
      { 'content-type': 'application/json' },
      '{}',
    );
    expect(answer.status).toBe(401);
  });

  it('lets a viewer change nothing, and what an operator does is on record by name', async () => {
    const { audit } = dashboard.connections.collections;
    const pause = (browser: Browser) =>
      browser.api('ScheduleService/PauseSchedule', { id: 'of-the-dashboard', change });
    const refused = await pause(viewer);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      code: 'permission_denied',
      details: [{ type: expect.any(String) as string }],
    });
    expect((await pause(operator)).status).toBe(404);
    const acts = await audit.find({ target: 'of-the-dashboard' }).sort({ at: 1 }).toArray();
    expect(acts.map(({ who, outcome }) => [who.split('-')[0], outcome])).toEqual([
      ['viewer', 'permission_denied'],
      [operatorName, 'schedule_not_found'],
    ]);
  });

  it('judges requests as the API does: unknown fields, late answers, methods that are not there', async () => {
    const invalid = await operator.api('BotService/ListBots', { nonsense: 1 });
    expect(await invalid.json()).toMatchObject({ code: 'invalid_argument' });
    expect((await operator.api('BotService/Nothing', {})).status).toBe(404);
    expect((await operator.get('/api/nothing')).status).toBe(404);
  });
});
