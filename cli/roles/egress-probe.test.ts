import { expect, it } from 'vitest';
import type { ProbeResult } from '../../infra/engine/egress/index.ts';
import { egressGate } from '../../infra/engine/egress/index.ts';
import { PullFailed } from '../../infra/engine/errors.ts';
import type { Engine } from '../../infra/engine/port.ts';
import { NotReadyYet } from '../../processors/errors.ts';
import { probeWithAny } from './egress-probe.ts';

const REFERENCES = ['python', 'node', 'ubuntu', 'ubuntu'];
const TOOLLESS: ProbeResult = { unknown: 'nothing to connect with', toolless: true };

type World = {
  present?: string[];
  pulls?: Record<string, 'works' | 'is slow'>;
  answers?: Record<string, ProbeResult>;
};

async function probe({ present = [], pulls = {}, answers = {} }: World) {
  const probed: string[] = [];
  const engine = {
    resolveImage: async (reference: string) =>
      present.includes(reference) ? `id of ${reference}` : undefined,
  } as unknown as Engine;
  const ensure = async (reference: string): Promise<string> => {
    if (pulls[reference] === 'works') return `id of ${reference}`;
    if (pulls[reference] === 'is slow') throw new NotReadyYet(`the image ${reference} is being pulled`);
    throw new PullFailed(reference, 'no such host');
  };
  const result = await probeWithAny({ engine, images: { ensure } }, REFERENCES, async (_, image) => {
    probed.push(image);
    return answers[image] ?? 'unreachable';
  });
  return { result, probed };
}

it('asks by an image that is there before any is fetched', async () => {
  expect(await probe({ present: ['node'] })).toEqual({ result: 'unreachable', probed: ['id of node'] });
  expect(await probe({ present: ['ubuntu'], answers: { 'id of ubuntu': 'reachable' } })).toEqual({
    result: 'reachable',
    probed: ['id of ubuntu'],
  });
});

it('goes on to the next image where one has nothing to connect with, but not where the engine failed', async () => {
  const present = ['node', 'ubuntu'];
  expect((await probe({ present, answers: { 'id of node': TOOLLESS } })).probed).toEqual([
    'id of node',
    'id of ubuntu',
  ]);
  const failed = { unknown: 'the engine is full' };
  expect(await probe({ present, answers: { 'id of node': failed } })).toEqual({
    result: failed,
    probed: ['id of node'],
  });
});

it('fetches what can be had where nothing is there', async () => {
  expect(await probe({ pulls: { ubuntu: 'works' } })).toEqual({
    result: 'unreachable',
    probed: ['id of ubuntu'],
  });
  await expect(probe({ pulls: { python: 'is slow' } })).rejects.toThrow('python is being pulled');
});

it('does not know where no image can be had, in words that the gate passes on', async () => {
  const { result } = await probe({});
  expect(result).toEqual({
    unknown: expect.stringContaining('The image python could not be pulled') as string,
  });
  const state = { filtered: false, reason: 'no iptables' } as const;
  const decision = await egressGate({ state, allowUnfiltered: false, probe: async () => result });
  expect(decision.allowed).toBe(false);
  expect(decision.reason).toContain('could not be found out (The image python could not be pulled');
});
