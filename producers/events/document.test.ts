import { describe, expect, it } from 'vitest';
import { contentOf, sameContent } from './document.ts';

describe('contentOf', () => {
  it('keeps of the definition what the contract lists, with nested keys as they are', () => {
    const schema = { $ref: '#/x', 'a.b': [1, null, { deep: true }] };
    const config = {
      name: 'n',
      runtime: 'python3.11',
      schema,
      hasFrontend: true,
      surprise: 1,
      entrypoints: { bot: 'main.py', query: 'q.py' },
    };
    const content = contentOf({
      kind: 'created',
      botId: 'b',
      config: { z: 1, a: { enabled: 'false' } },
      custom: { config, version: '1.0.0', filePath: '' },
    });
    expect(content).toEqual({
      config: { z: 1, a: { enabled: 'false' } },
      custom: {
        version: '1.0.0',
        filePath: '',
        config: { name: 'n', runtime: 'python3.11', entrypoints: { bot: 'main.py', query: 'q.py' }, schema },
      },
    });
    expect(Object.keys(content.custom)).toEqual(['version', 'config', 'filePath']);
  });

  it('leaves out what the event does not say', () => {
    expect(contentOf({ kind: 'updated', botId: 'b', config: {}, custom: {} })).toEqual({
      config: {},
      custom: {},
    });
  });
});

describe('sameContent', () => {
  it('does not mind the order of keys, which the platform’s database changes on every update', () => {
    const content = contentOf({
      kind: 'updated',
      botId: 'b',
      config: { a: 1, b: { c: 1, d: 2 } },
      custom: { version: '1', filePath: 'f' },
    });
    expect(
      sameContent({ config: { b: { d: 2, c: 1 }, a: 1 }, custom: { filePath: 'f', version: '1' } }, content),
    ).toBe(true);
    expect(
      sameContent(
        { config: { b: { d: 2, c: 1 }, a: '1' }, custom: { filePath: 'f', version: '1' } },
        content,
      ),
    ).toBe(false);
    expect(sameContent({}, content)).toBe(false);
  });
});
