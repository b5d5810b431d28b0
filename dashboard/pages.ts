import { PAGE_HEAD } from './head.ts';

/** Small pages of our own. Nothing of a request is ever put into them unescaped. */

/** Why nobody was let in. */
export type LoginTrouble =
  | { is: 'malformed' | 'unknown' | 'expired' | 'revoked' | 'ended' | 'away' }
  | { is: 'wait'; seconds: number };

const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** A page of its own: what it is called, whose it is, and what it says. */
function page(title: string, installation: string, body: string): string {
  return `${PAGE_HEAD}
<title>${escapeHtml(title)} · the0-runtime</title>
<link rel="stylesheet" href="/assets/pages.css">
</head>
<body>
<main>
<header><img src="/assets/icon.svg" alt="" width="36" height="36"><p>the0-runtime <small>${escapeHtml(installation)}</small></p></header>
<div class="body">
<h1>${escapeHtml(title)}</h1>
${body}
</div>
</main>
</body>
</html>
`;
}

/** `next`: path to go to after the login. `inClear`: what is typed can be read on its way here. */
export function loginPage(options: {
  installation: string;
  next: string;
  inClear: boolean;
  trouble?: LoginTrouble | undefined;
}): string {
  const { installation, next, inClear, trouble } = options;
  const isWrong = trouble !== undefined && !['ended', 'away', 'wait'].includes(trouble.is);
  return page(
    'Log in',
    installation,
    `${trouble === undefined ? '' : note(trouble.is === 'ended' ? 'told' : 'problem', troubleText(trouble))}${inClear ? note('warning', 'This connection is not encrypted: whoever is on the way can read your token. Ask for an address with https.') : ''}<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus spellcheck="false" autocapitalize="none" placeholder="the0_…"${isWrong ? ' aria-invalid="true" aria-describedby="problem"' : ''}>
<button type="submit">Log in</button>
</form>
<details>
<summary>Where tokens come from</summary>
<p>An admin makes one for you, with a role and an end:</p>
<code>npx the0-runtime tokens create NAME <span>--role viewer</span> <span>--expires 90d</span></code>
<p>A viewer reads, an operator acts, an admin makes tokens. A token is shown once; it opens this page and the API.</p>
</details>`,
  );
}

type Kind = 'problem' | 'warning' | 'told';

const note = (kind: Kind, text: string): string =>
  `<p class="note ${kind}"${kind === 'problem' ? ' id="problem" role="alert"' : ''}>${escapeHtml(text)}</p>\n`;

function troubleText(trouble: LoginTrouble): string {
  switch (trouble.is) {
    case 'malformed':
      return 'That is no token. One begins with the0_ and was shown as a whole when it was made.';
    case 'unknown':
      return 'This token is not known here. Does it belong to this installation?';
    case 'expired':
      return 'This token has expired. Ask an admin for another one.';
    case 'revoked':
      return 'This token was revoked. Ask an admin for another one.';
    case 'ended':
      return 'Your session has ended. Log in again to go on where you were.';
    case 'away':
      return 'The database does not answer, so nobody can be let in. Try again in a moment.';
    case 'wait':
      return `Too many wrong tokens came from your address. Try again in ${trouble.seconds} s.`;
  }
}

export function logoutPage(options: { installation: string; name: string; csrfToken: string }): string {
  const { installation, name, csrfToken } = options;
  return page(
    `You are logged in as ${name}`,
    installation,
    `<form method="post" action="/logout">
<input type="hidden" name="csrf" value="${escapeHtml(csrfToken)}">
<button type="submit">Log out</button>
</form>
<p class="more"><a href="/">Back to the dashboard</a></p>`,
  );
}

/** Something that a page needs is away. */
export function awayPage(options: { installation: string; what: string }): string {
  const { installation, what } = options;
  return page(
    'Not at the moment',
    installation,
    `${note('problem', what)}<p>Load the page again in a moment; <strong>npx the0-runtime doctor</strong> says what is wrong.</p>
<p class="more"><a href="/">To the dashboard</a></p>`,
  );
}
