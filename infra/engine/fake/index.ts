export { connectFakeEngine } from './client.ts';
export type { FakeControl } from './control.ts';
export { createFakeEngine, type FakeEngine, type FakeEngineOptions } from './engine.ts';
export type { FakeCall, Fault } from './faults.ts';
export { FakeHost, type FakeHostOptions } from './host.ts';
export { findOverlaps, type LedgerEntry, type Overlap } from './ledger.ts';
export { type FakeProgram, fakeProgram } from './program.ts';
export { type FakeEngineServer, serveFakeEngine } from './server.ts';
