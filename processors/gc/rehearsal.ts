import type { Engine } from '../../infra/engine/port.ts';
import type { Keeping } from '../keeping.ts';

/** The same engine, but whatever stops or removes something does nothing, and says that it did. */
export function rehearsal(engine: Engine): Engine {
  const nothing: Partial<Engine> = {
    stop: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    removeVolume: () => Promise.resolve(true),
    removeImage: () => Promise.resolve(true),
  };
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(name in nothing ? nothing : target, name);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

/** Saves and restores nothing, and says that it did: in a rehearsal nothing is removed either. */
export const rehearsedKeeping: Keeping = {
  output: () => Promise.resolve(),
  state: () => Promise.resolve(),
  restore: () => Promise.resolve(),
  verdict: () => Promise.resolve({ kind: 'fine' }),
};
