/** Small pages of our own. Nothing of a request is ever put into them unescaped. */

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/pages.css">
</head>
<body>
<main>
<header><img src="/assets/icon.svg" alt="" width="40" height="40"><h1>the0-runtime</h1></header>
${body}
</main>
</body>
</html>
`;
}

/** `next`: path to go to after the login. `problem`: why the last try failed. */
export function loginPage(options: { installation: string; next: string; problem?: string }): string {
  const problem =
    options.problem === undefined ? '' : `<p class="problem" role="alert">${escapeHtml(options.problem)}</p>`;
  return page(
    'Log in · the0-runtime',
    `<p class="lead">Installation <strong>${escapeHtml(options.installation)}</strong></p>
<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(options.next)}">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus spellcheck="false"${problem === '' ? '' : ' aria-invalid="true"'}>
${problem}
<button type="submit">Log in</button>
</form>
<p class="hint">It is the value of <code>DASHBOARD_TOKEN</code>; <code>npm run up</code> prints the one it made.</p>`,
  );
}

export function logoutPage(): string {
  return page(
    'Log out · the0-runtime',
    `<p class="lead">End this session?</p>
<form method="post" action="/logout"><button type="submit">Log out</button></form>
<p class="hint"><a href="/queues">Back to the queues</a></p>`,
  );
}
