import { NotKept, type Keeping, type StateVerdict } from '../../processors/keeping.ts';

/** What a test decides of it, and what it was asked to do, in order. */
export type TestKeeping = Keeping & {
  /** Whether object storage takes output. */
  isAway: boolean;
  verdictNow: StateVerdict;
  /** Thrown by `restore`. */
  problem: Error | undefined;
  readonly calls: string[];
  /** Called before each call is recorded. */
  onCall: (call: string) => Promise<void>;
};

/** Keeps nothing: tells what it was asked for, and answers as a test wishes. */
export function testKeeping(): TestKeeping {
  const record = async (call: string): Promise<void> => {
    await keeping.onCall(call);
    keeping.calls.push(call);
  };
  const keeping: TestKeeping = {
    isAway: false,
    verdictNow: { kind: 'fine' },
    problem: undefined,
    calls: [],
    onCall: async () => undefined,
    async output(_id, containerId) {
      await record(`output ${containerId}`);
      if (keeping.isAway) throw new NotKept('S3 is away');
    },
    state: (id) => record(`state ${id}`),
    async restore(id) {
      await record(`restore ${id}`);
      if (keeping.problem !== undefined) throw keeping.problem;
    },
    verdict: async () => keeping.verdictNow,
  };
  return keeping;
}
