import type { ProbeFacts } from './facts.ts';
import { held, open, unknown, type Judged } from './row.ts';

const CURE = 'this runtime puts it there at no point: look who does, and renew it';

/** Whether a secret of the installation was found, by the bot or by whoever may inspect it. Pure. */
export function secretRows({ findings, leaks, plan }: ProbeFacts): Judged[] {
  const found = findings.filter(({ probe, result }) => probe === 'secrets' && result === 'found');
  const looked = findings.find(({ probe, result }) => probe === 'secrets' && result === 'looked');
  const inside = 'what it can read';
  const outside = 'its labels and output';
  if (plan.secrets === 0)
    return [inside, outside].map((name) => held(name, 'the settings hold no secret to look for'));
  return [
    found.length > 0
      ? open(inside, found.map(({ what, detail }) => `${detail} in ${what}`).join(', '), CURE)
      : looked === undefined
        ? unknown(inside, 'it was not tried')
        : held(inside, `none of ${plan.secrets} in ${looked.detail}`),
    leaks.length > 0
      ? open(outside, leaks.map(({ name, where }) => `${name} in ${where}`).join(', '), CURE)
      : held(outside, `none of ${plan.secrets} in labels, environment, command and output`),
  ];
}
