import type { FakeEngine } from '../../infra/engine/fake/index.ts';

/** The engine, which fills no container from `halt` until what that gave is called. */
export function gatedFilling(engine: FakeEngine): { engine: FakeEngine; halt: () => () => void } {
  let mayFill: Promise<void> = Promise.resolve();
  return {
    engine: {
      ...engine,
      writeArchive: async (...call) => {
        await mayFill;
        return engine.writeArchive(...call);
      },
    },
    halt: () => {
      const gate = Promise.withResolvers<void>();
      mayFill = gate.promise;
      return gate.resolve;
    },
  };
}
