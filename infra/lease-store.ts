import type { Collection } from 'mongodb';
import type { LeaseDocument } from './mongo/collections.ts';
import { Grouped } from './mongo/grouped.ts';
import { updateEach } from './mongo/update-each.ts';

/** `owner` is unique to whoever wants it. */
export type LeaseTaking = { name: string; owner: string; ttlMs: number };
export type LeaseHolding = { name: string; owner: string; term: number };

const DUPLICATE_KEY = 11_000;

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
    const { failures } = await updateEach(
      this.#leases,
      group.map((taking) => ({ filter: { _id: taking.name }, update: takeIfFree(taking), upsert: true })),
    );
    // Written by the majority, and read from it: whoever finds its own name there has it.
    const found = await this.#leases.find({ _id: { $in: group.map(({ name }) => name) } }).toArray();
    const byOwner = new Map(found.map((lease) => [lease.owner, lease]));
    return group.map(({ name, owner }, index) => {
      const failure = failures.get(index);
      // Two first takings at once: the loser's insert is a duplicate, and it simply does not have it.
      if (failure === undefined || failure.code === DUPLICATE_KEY) return byOwner.get(owner);
      return new Error(`The lease ${name} was not taken: ${failure.why}`, { cause: failure.cause });
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
