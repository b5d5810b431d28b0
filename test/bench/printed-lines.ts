/** What bots of the bench `logs` print: numbered, with the time, and such that a line that was cut or joined shows. */
export type PrintedLine = { n: number; atMs: number };

/** More digits than a JavaScript number has: whoever parses and prints an object anew changes it. */
const ORDER_ID = '9007199254740993';
const TEXT = /^n=(\d+) at=(\d+) (x+) end$/;
const JSON_EVERY = 5;
const MARK = '[the0]';
/** What the launcher says when it is asked to end. */
const LAUNCHER = 'SIGNAL: ';
/** Numbers of one bot; more would be a mistake of the reader. */
const MOST = 10_000_000;

const padOf = (n: number): string => 'x'.repeat(20 + (n % 60));

/** Every fifth is an object. Without its newline. */
export function printedLine(n: number, atMs: number): string {
  return n % JSON_EVERY === 0
    ? `{"n":${n},"at":${atMs},"id":${ORDER_ID},"pad":"${padOf(n)}"}`
    : `n=${n} at=${atMs} ${padOf(n)} end`;
}

/** Undefined: not one that a bot printed, to the letter. */
export function readPrinted(line: string): PrintedLine | undefined {
  const [, n, at] = TEXT.exec(line) ?? /"n":(\d+),"at":(\d+)/.exec(line) ?? [];
  if (n === undefined || at === undefined) return undefined;
  const printed = { n: Number(n), atMs: Number(at) };
  return line === printedLine(printed.n, printed.atMs) ? printed : undefined;
}

/** A line of a log in S3, as the bot printed it; undefined where it is no valid line. */
export function printedOfStored(line: string): string | undefined {
  try {
    const { message, timestamp } = JSON.parse(line) as { message?: unknown; timestamp?: unknown };
    if (typeof timestamp !== 'string') return undefined;
    if (typeof message === 'string') return message;
    return line.replace(`,"timestamp":"${timestamp}"}`, '}');
  } catch {
    return undefined;
  }
}

/** What became of one bot's lines. */
export type LineFindings = {
  lost: number;
  /** Of them, those behind the last one that was found. */
  lostAtEnd: number;
  doubled: number;
  /** Cut, joined, or changed. */
  broken: string[];
  disordered: number;
  /** Lines of the runtime itself. */
  marks: string[];
};

/** Takes a bot's lines as a reader finds them, and tells what is wrong with them. */
export class LineLedger {
  #times = new Uint8Array(1_024);
  #last = 0;
  #disordered = 0;
  readonly #broken: string[] = [];
  readonly #marks: string[] = [];

  /** Empty lines, and those of the launcher, count for nothing. Returns what it read. */
  take(line: string | undefined): PrintedLine | undefined {
    if (line === '' || line?.startsWith(LAUNCHER) === true) return undefined;
    if (line?.startsWith(MARK) === true) return void this.#marks.push(line);
    const printed = readPrinted(line ?? '');
    if (printed === undefined || printed.n >= MOST) return void this.#broken.push(line ?? 'no JSON');
    const { n } = printed;
    if (n >= this.#times.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(n + 1)));
      grown.set(this.#times);
      this.#times = grown;
    }
    const times = this.#times[n] ?? 0;
    if (times === 0 && n < this.#last) this.#disordered += 1;
    this.#times[n] = Math.min(255, times + 1);
    this.#last = Math.max(this.#last, n);
    return printed;
  }

  /** Of a bot that printed 1 to `total`. */
  findings(total: number): LineFindings {
    let lost = 0;
    let doubled = 0;
    for (let n = 1; n <= Math.max(total, this.#last); n += 1) {
      const times = this.#times[n] ?? 0;
      if (times === 0) lost += 1;
      else doubled += times - 1;
    }
    const lostAtEnd = Math.max(0, total - this.#last);
    return {
      lost,
      lostAtEnd,
      doubled,
      broken: this.#broken,
      disordered: this.#disordered,
      marks: this.#marks,
    };
  }
}
