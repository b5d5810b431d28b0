import type { Socket } from 'node:net';
import * as errors from '../errors.ts';

/**
 * JSON lines over TCP. The client asks, with a number of its own choice per request:
 * `open` once, then `call` (one answer), `listen` (items until `end`), `abort` (of either).
 */
export type Request =
  | { kind: 'open'; installation: string }
  | { kind: 'call'; id: number; target: 'engine' | 'control'; method: string; args: unknown[] }
  | { kind: 'listen'; id: number; method: 'events' | 'logs'; args: unknown[] }
  | { kind: 'abort'; id: number };

export type Reply =
  | { kind: 'value'; id: number; value: unknown }
  | { kind: 'error'; id: number; error: WireError }
  | { kind: 'item'; id: number; value: unknown }
  | { kind: 'end'; id: number };

export type WireError = { name: string; message: string; holderId?: string; field?: string };

type Bytes = { $bytes: string };

/** Buffers travel as `{ $bytes: base64 }`, everything else as JSON has it. */
export function encode(message: Request | Reply): string {
  return `${JSON.stringify(message, (_key, value: unknown) => {
    // Buffers have turned themselves into this by the time they get here.
    const shape = value as { type?: unknown; data?: unknown } | null;
    if (typeof value === 'object' && shape?.type === 'Buffer' && Array.isArray(shape.data))
      return { $bytes: Buffer.from(shape.data as number[]).toString('base64') } satisfies Bytes;
    return value;
  })}\n`;
}

export function decode<Message>(line: string): Message {
  // The reviver costs ten times the parse, and most messages hold no bytes.
  if (!line.includes('"$bytes"')) return JSON.parse(line) as Message;
  return JSON.parse(line, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && '$bytes' in value
      ? Buffer.from((value as Bytes).$bytes, 'base64')
      : value,
  ) as Message;
}

/** Calls `handle` for each line that comes in. */
export function onLines(socket: Socket, handle: (line: string) => void): void {
  let parts: string[] = [];
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = chunk.split('\n');
    // A list of 10,000 containers comes in many chunks: joined once, not at every chunk.
    if (lines.length === 1) return void parts.push(chunk);
    lines[0] = parts.join('') + (lines[0] ?? '');
    parts = [lines.pop() ?? ''];
    for (const line of lines) handle(line);
  });
}

export function toWireError(error: unknown): WireError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const holderId = error instanceof errors.NameTaken ? error.holderId : undefined;
  const field = error instanceof errors.SpecRefused ? error.field : undefined;
  return {
    name,
    message,
    ...(holderId === undefined ? {} : { holderId }),
    ...(field === undefined ? {} : { field }),
  };
}

/** The named error again, with the message it had on the other side. */
export function fromWireError(wire: WireError): Error {
  const error = make(wire);
  error.message = wire.message;
  return error;
}

function make({ name, message, holderId, field = '' }: WireError): Error {
  switch (name) {
    case 'EngineUnavailable':
      return new errors.EngineUnavailable(message);
    case 'NameTaken':
      return new errors.NameTaken('', holderId);
    case 'ContainerMissing':
      return new errors.ContainerMissing('');
    case 'StartRefused':
      return new errors.StartRefused(message);
    case 'ImageMissing':
      return new errors.ImageMissing('');
    case 'PullFailed':
      return new errors.PullFailed('', message);
    case 'EngineFailed':
      return new errors.EngineFailed(message);
    case 'PathMissing':
      return new errors.PathMissing('', '');
    case 'SpecRefused':
      return new errors.SpecRefused(field, '', message);
    case 'EngineRefused':
      return new errors.EngineRefused(message);
    default:
      return new Error(`${name}: ${message}`);
  }
}
