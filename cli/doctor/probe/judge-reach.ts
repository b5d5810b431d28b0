import type { FilterFact, Finding, ProbeFacts } from './facts.ts';
import { SERVERS, type TargetName } from './plan.ts';
import { held, open, unknown, type Judged } from './row.ts';

type Tried = { what: string; result: string };

/** What the bot could reach. Pure. */
export function reachRows(facts: ProbeFacts): Judged[] {
  const tried = (name: TargetName): Tried[] =>
    facts.plan.targets
      .filter((target) => target.name === name)
      .flatMap(({ what }) => {
        const found = facts.findings.find((finding) => finding.probe === 'reach' && finding.what === what);
        return found === undefined ? [] : [{ what: what.replace(`${name} at `, ''), result: found.result }];
      });
  return [
    ...SERVERS.filter((name) => facts.plan.targets.some((target) => target.name === name)).map((name) =>
      serverRow(name, tried(name), facts.filter),
    ),
    addressRow('metadata address', tried('the metadata address'), facts.filter),
    addressRow('this host', tried('this host'), facts.filter),
    neighbourRow(tried('another bot'), facts.neighbour),
    socketRow(facts.findings),
  ];
}

/** A server is reached where it answers. One that listens on loopback alone is refused at every other address. */
function serverRow(name: string, tried: readonly Tried[], filter: FilterFact): Judged {
  if (tried.length === 0) return unknown(name, 'it was not tried');
  const reached = at(tried, 'connected');
  if (reached.length > 0) return open(name, `it answers at ${reached.join(', ')}`, cureOf(filter));
  return held(name, outcomeText(tried, filter));
}

/** Of a machine that must not be seen at all a refusal is an answer too: packets get there and back. */
function addressRow(name: string, tried: readonly Tried[], filter: FilterFact): Judged {
  if (tried.length === 0)
    return unknown(name, 'its address is not known: the engine’s network has no gateway');
  const connected = at(tried, 'connected');
  const refused = at(tried, 'refused');
  if (connected.length + refused.length > 0) {
    const text = [
      ...(connected.length > 0 ? [`it answers at ${connected.join(', ')}`] : []),
      ...(refused.length > 0 ? [`packets get to ${refused.join(', ')}, where nothing listens`] : []),
    ];
    return open(name, text.join('; '), cureOf(filter));
  }
  return held(name, outcomeText(tried, filter));
}

function neighbourRow(tried: readonly Tried[], neighbour: readonly Finding[]): Judged {
  const name = 'another bot';
  const called = neighbour.filter(({ result }) => result === 'called');
  const reached = at(tried, 'connected');
  const cure = 'remove the network of bots while none runs: it is made anew, without traffic between them';
  if (called.length > 0 || reached.length > 0)
    return open(
      name,
      `it heard from ${called.map(({ what }) => what).join(', ') || reached.join(', ')}`,
      cure,
    );
  if (tried.length === 0) return unknown(name, 'it was not tried');
  const there = at(tried, 'refused');
  return there.length > 0
    ? open(name, `packets get to ${there.join(', ')}`, cure)
    : held(name, `it listens, and hears nothing: ${texts(tried)}`);
}

function socketRow(findings: readonly Finding[]): Judged {
  const name = 'engine socket';
  const sockets = findings.filter(({ probe }) => probe === 'socket');
  const there = sockets.filter(({ result }) => result !== 'absent');
  if (sockets.length === 0) return unknown(name, 'it was not tried');
  return there.length === 0
    ? held(name, `none of ${sockets.map(({ what }) => what).join(', ')} is there`)
    : open(
        name,
        there.map(({ what, result }) => `${what} is there (${result})`).join(', '),
        'find out who mounts it: this runtime does not',
      );
}

const at = (tried: readonly Tried[], result: string): string[] =>
  tried.filter((each) => each.result === result).map(({ what }) => what);

const WORDS: Readonly<Record<string, string>> = {
  silent: 'no answer from',
  refused: 'nothing listens at',
  'unknown name': 'nobody knows the name',
  failed: 'failed at',
};

function texts(tried: readonly Tried[]): string {
  return Object.entries(WORDS)
    .map(([result, words]) => [words, at(tried, result)] as const)
    .filter(([, whats]) => whats.length > 0)
    .map(([words, whats]) => `${words} ${whats.join(', ')}`)
    .join('; ');
}

/** What holds without a filter holds by chance, and that is told. */
function outcomeText(tried: readonly Tried[], filter: FilterFact): string {
  return filter.inForce === false ? `${texts(tried)}; no filter stands before it` : texts(tried);
}

function cureOf({ inForce }: FilterFact): string {
  return inForce === true
    ? 'the filter is in force, so EGRESS_ALLOW opens it, or another rule of this machine answers before it'
    : '`npx the0-runtime network setup` (as root, on the engine’s host), or filter it yourself';
}
