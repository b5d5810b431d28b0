import { inStep } from '../tracing/tracing.ts';
import type { Engine } from './port.ts';
import { wrapped, type Wrappable } from './wrapped.ts';

/** Those that a transition makes. What only looks at everything, or follows, is part of none. */
const CALLS = [
  'create',
  'start',
  'stop',
  'remove',
  'inspect',
  'writeArchive',
  'resolveImage',
  'pullImage',
  'createVolume',
  'removeVolume',
] as const satisfies readonly Wrappable[];

/** The same engine, whose calls are parts of the trace that they are made in. */
export function tracedEngine(engine: Engine): Engine {
  return wrapped(engine, CALLS, (call, method) => {
    const name = `engine ${call}`;
    return (...args) => inStep(name, () => method(...args), { kind: 'client', fields: aboutOf(args[0]) });
  });
}

/** A container's spec, of which only name and image are told, or the id or name of what the call is about. */
function aboutOf(first: unknown): Record<string, string> {
  if (typeof first === 'string') return { 'the0.engine.object': first };
  const { name, image } = first as { name: string; image: string };
  return { 'the0.engine.object': name, 'container.image.id': image };
}
