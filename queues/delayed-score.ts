/** BullMQ keeps a delayed job's time in the upper bits of its score, for an order among those of one millisecond. */
const SCORES_OF_A_MS = 0x1000;

/** When a delayed job may be taken, by its score in the set of delayed ones. Epoch milliseconds of its host's clock. */
export const delayedScoreMs = (score: number): number => Math.floor(score / SCORES_OF_A_MS);
