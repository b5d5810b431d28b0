import {
  createContextKey,
  type ContextKey,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect';
import type { DescService, Message } from '@bufbuild/protobuf';

/** The answer that a request's like was given: to be given again, and nothing done. */
export const answeredKey: ContextKey<Message | undefined> = createContextKey<Message | undefined>(undefined, {
  description: 'answer of an equal request',
});

type Handler = (request: unknown, context: HandlerContext) => unknown;

/**
 * Handlers that give such an answer instead of doing it again. Here and not in an interceptor, since only what comes from a
 * handler has the headers of its protocol.
 */
export function answeringAgain<S extends DescService>(
  service: S,
  handlers: Partial<ServiceImpl<S>>,
): Partial<ServiceImpl<S>> {
  const known = handlers as Readonly<Record<string, Handler | undefined>>;
  const wrapped = service.methods.flatMap(({ localName, methodKind }) => {
    const handler = known[localName]?.bind(handlers);
    if (handler === undefined) return [];
    if (methodKind !== 'unary') return [[localName, handler] as const];
    const again: Handler = (request, context) => context.values.get(answeredKey) ?? handler(request, context);
    return [[localName, again] as const];
  });
  return Object.fromEntries(wrapped) as Partial<ServiceImpl<S>>;
}
