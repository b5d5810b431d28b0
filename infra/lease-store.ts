import type { Collection } from 'mongodb';
import type { LeaseDocument } from './mongo/collections.ts';
import { Grouped } from './mongo/grouped.ts';
import { takeEach } from './mongo/take-each.ts';
import { updateEach } from './mongo/update-each.ts';

/** `owner` is unique to whoever wants it. */
export type LeaseTaking = { name: string; owner: string; ttlMs: number };
export type LeaseHolding = { name: string; owner: string; term: number };

/**
 * Leases in MongoDB, whose clock judges what has expired. Of several that are taken or given back while others are being,
 * all go as one command: each start of a bot takes one, and a command that waits for the majority costs the same for one
 * as for a hundred.
 */
export class LeaseStore {
  readonly #leases: Collection<LeaseDocument>;
  readonly #takings: Grouped<LeaseTaking, LeaseDocument | Error | undefined>;
  readonly #endings: Grouped<LeaseHolding, true>;

  constructor(leases: Collection<LeaseDocument>) {
    this.#leases = leases;
    this.#takings = new Grouped((group) => this.#takeAll(group));
    this.#endings = new Grouped((group) => this.#giveBackAll(group));
  }

  /** Undefined while another has it. */
  async take(taking: LeaseTaking): Promise<LeaseDocument | undefined> {
    const taken = await this.#takings.ask(taking);
    if (taken instanceof Error) throw taken;
    return taken;
  }

  /** False: it is another's by now. */
  async renew({ name, owner, term }: LeaseHolding, ttlMs: number): Promise<boolean> {
    const result = await this.#leases.updateOne({ _id: name, owner, term }, [
      { $set: { until: { $add: ['$$NOW', ttlMs] } } },
    ]);
    return result.matchedCount === 1;
  }

  /** No-op where it is another's by now. */
  async giveBack(holding: LeaseHolding): Promise<void> {
    await this.#endings.ask(holding);
  }

  async #takeAll(group: readonly LeaseTaking[]): Promise<(LeaseDocument | Error | undefined)[]> {
    const taken = await takeEach(
      this.#leases,
      group.map((taking) => ({ id: taking.name, owner: taking.owner, update: takeIfFree(taking) })),
      ({ owner }) => owner,
    );
    return taken.map(({ document, failure }, index) => {
      if (failure === undefined) return document;
      return new Error(`The lease ${group[index]?.name} was not taken: ${failure.why}`, {
        cause: failure.cause,
      });
    });
  }

  async #giveBackAll(group: readonly LeaseHolding[]): Promise<true[]> {
    await updateEach(
      this.#leases,
      group.map(({ name, owner, term }) => ({
        filter: { _id: name, owner, term },
        update: { $set: { owner: '', until: new Date(0) } },
      })),
    );
    return group.map(() => true);
  }
}

/** An update that takes it where it is free, and changes nothing otherwise. */
function takeIfFree({ owner, ttlMs }: LeaseTaking): object[] {
  // `owner` is ours only where an earlier attempt succeeded and its answer was lost.
  const free = {
    $or: [
      { $lte: [{ $ifNull: ['$until', new Date(0)] }, '$$NOW'] },
      { $eq: ['$owner', { $literal: owner }] },
    ],
  };
  return [
    {
      $set: {
        owner: { $cond: [free, { $literal: owner }, '$owner'] },
        until: { $cond: [free, { $add: ['$$NOW', ttlMs] }, '$until'] },
        term: { $cond: [free, { $add: [{ $ifNull: ['$term', 0] }, 1] }, '$term'] },
      },
    },
  ];
}
