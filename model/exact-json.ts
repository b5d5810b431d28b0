type RawJson = { rawJSON(text: string): unknown };

const LONG_NUMBER = /[\d.]{16}/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * As JSON.parse, but a number of more digits than it can hold (an order's id) is written again as it was. In linear time and
 * little of it, which a reviver does not give: seconds for some megabytes, while everybody else waits.
 */
export function parseExact(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most hold no such number.
  if (!LONG_NUMBER.test(text)) return value;
  // The same once more, with strings in the place of those numbers: where the two differ, there they were.
  const exact = { value };
  restore(exact, { value: JSON.parse(withQuotedNumbers(text, isRewritten)) as unknown });
  return exact.value;
}

/** Whether JavaScript would write it otherwise. */
const isRewritten = (token: string): boolean => token.length >= 16 && String(Number(token)) !== token;

type Tree = Record<string | number, unknown>;

function restore(value: Tree, quoted: Tree): void {
  const open: [Tree, Tree][] = [[value, quoted]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [into, from] = pair;
    const at = (key: string | number): void => {
      const inner = into[key];
      const other = from[key];
      if (typeof inner === 'number') {
        if (typeof other === 'string') into[key] = (JSON as unknown as RawJson).rawJSON(other);
      } else if (typeof inner === 'object' && inner !== null) open.push([inner as Tree, other as Tree]);
    };
    // Keys of a long list would be as many strings.
    if (Array.isArray(into)) for (let index = 0; index < into.length; index += 1) at(index);
    else for (const key of Object.keys(into)) at(key);
  }
}

/**
 * As JSON.parse, for where a number can be a double only (BSON, `google.protobuf.Value`): one that a double does not hold to
 * the last digit that was written is text, with all its digits. Another form of the same, `1.50` or `1e+16`, stays a number.
 */
export function parseWithoutLoss(text: string): unknown {
  // First as it is, so that what is wrong with it is said of what was written.
  const value: unknown = JSON.parse(text);
  const quoted = withQuotedNumbers(text, isLost);
  return quoted === text ? value : JSON.parse(quoted);
}

/** Whether the double nearest to a number has other digits than it was written with. */
function isLost(token: string): boolean {
  // No double differs within 15 digits, and none with so few characters is out of range.
  if (token.length <= 15 && !/[eE]/.test(token)) return false;
  const number = Number(token);
  if (!Number.isFinite(number)) return true;
  const written = decimalOf(token);
  if (written.digits === '') return false;
  // `toPrecision` goes no further.
  if (number === 0 || written.digits.length > 100) return true;
  const held = decimalOf(number.toPrecision(written.digits.length));
  return held.digits !== written.digits || held.exponent !== written.exponent;
}

/** Its significant digits, and the power of ten of the last of them. */
function decimalOf(token: string): { digits: string; exponent: number } {
  const [, whole = '', fraction = '', power = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  return { digits, exponent: Number(power) - fraction.length + (all.length - digits.length) };
}

/** `text` is JSON. */
function withQuotedNumbers(text: string, isQuoted: (token: string) => boolean): string {
  const pieces: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at + 1);
      continue;
    }
    let end = at;
    while (isOfNumber(text.charCodeAt(end))) end += 1;
    const token = text.slice(at, end);
    if (isQuoted(token) && NUMBER.test(token)) {
      pieces.push(text.slice(copied, at), '"', token, '"');
      copied = end;
    }
    at = Math.max(end, at + 1);
  }
  return pieces.join('') + text.slice(copied);
}

function endOfString(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at))
    at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Digits, and what else a number is made of. */
const isOfNumber = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  code === 0x2d ||
  code === 0x2b ||
  code === 0x2e ||
  code === 0x65 ||
  code === 0x45;
