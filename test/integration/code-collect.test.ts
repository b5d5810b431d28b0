import { describe, expect, it } from 'vitest';
import { LABEL } from '../../model/labels.ts';
import { CodeRig, NOTHING } from './code-rig.ts';

const HOUR_MS = 3_600_000;
const rig = new CodeRig();

describe('collecting', () => {
  const later = (ms: number) => ({ now: () => Date.now() + ms });

  it('removes what is unused for long, keeps what is recent', async () => {
    const [a, b] = [await rig.upload(), await rig.upload()];
    const old = await rig.ensure(a);
    const recent = await rig
      .store(later(24 * HOUR_MS))
      .ensure({ filePath: b, executablePaths: [], image: rig.image });
    const collected = await rig.store(later(25 * HOUR_MS)).collectUnused({
      olderThanMs: 24 * HOUR_MS,
      inUse: new Set(),
    });
    expect(collected).toEqual({ unused: [old.volume], leftBehind: [], helpers: [] });
    expect((await rig.names()).volumes).toEqual([recent.volume]);
    expect(await rig.volumes.countDocuments()).toBe(1);
  });

  it('keeps what a container uses, whether the caller or only the engine knows it', async () => {
    const code = await rig
      .store()
      .ensure({ filePath: await rig.upload(), executablePaths: [], image: rig.image });
    const long = rig.store(later(48 * HOUR_MS));
    expect(
      (await long.collectUnused({ olderThanMs: HOUR_MS, inUse: new Set([code.volume]) })).unused,
    ).toEqual([]);
    await rig.createHolder('user', 'bot', code.volume);
    expect((await long.collectUnused({ olderThanMs: HOUR_MS, inUse: new Set() })).unused).toEqual([]);
    expect((await rig.volumes.findOne({ _id: code.codeId }))?.volume).toBe(code.volume);
    expect((await rig.names()).volumes).toEqual([code.volume]);
  });

  it('never takes what a start has just been given, however short the setting', async () => {
    const code = await rig
      .store()
      .ensure({ filePath: await rig.upload(), executablePaths: [], image: rig.image });
    expect((await rig.store().collectUnused({ olderThanMs: 0, inUse: new Set() })).unused).toEqual([]);
    expect((await rig.names()).volumes).toEqual([code.volume]);
  });

  it('removes volumes and helpers that a killed processor left behind, once they are an hour old', async () => {
    const volume = `${rig.installation}_code_left-behind`;
    await rig.engine.createVolume(volume, { [LABEL.kind]: 'code', [LABEL.code]: 'x' });
    await rig.createHolder('code-fill_dead', 'helper', volume);
    expect(
      await rig.store(later(HOUR_MS / 2)).collectUnused({ olderThanMs: HOUR_MS, inUse: new Set() }),
    ).toEqual({ unused: [], leftBehind: [], helpers: [] });
    expect(
      await rig.store(later(HOUR_MS * 2)).collectUnused({ olderThanMs: HOUR_MS, inUse: new Set() }),
    ).toEqual({
      unused: [],
      leftBehind: [volume],
      helpers: [`${rig.installation}_code-fill_dead`],
    });
    expect(await rig.names()).toEqual(NOTHING);
  });
});
