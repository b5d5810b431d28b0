import type { Engine } from './port.ts';

/** A call of an engine that answers by a promise. */
type EngineCall = (...args: unknown[]) => Promise<unknown>;

/** Names of calls that ask once and are answered. */
export type Wrappable = {
  [Name in keyof Engine]: Engine[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof Engine];

/** The same engine, of which these calls go through `wrap`, once for each; everything else is as it was. */
export function wrapped<Call extends Wrappable>(
  engine: Engine,
  calls: readonly Call[],
  wrap: (call: Call, method: EngineCall) => EngineCall,
): Engine {
  const all = Object.fromEntries(
    calls.map((call) => [call, wrap(call, engine[call].bind(engine) as EngineCall)]),
  ) as unknown as Pick<Engine, Call>;
  return Object.assign(Object.create(engine) as Engine, all);
}
