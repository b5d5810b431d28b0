import type { Collection } from 'mongodb';
import type { VolumeFile, VolumeListing } from '../../infra/engine/port.ts';
import type { BotConfig, BotDocument } from '../../model/bots.ts';
import { excessOf } from './limits.ts';
import {
  STATE_FLOOR_BYTES,
  STATE_FLOOR_FILES,
  stateFilesLimit,
  stateLimitBytes,
} from '../../model/limits.ts';
import { formatMemory } from '../../model/quantity.ts';

/** What is on a volume, as a listing has it. */
export type Listed = Omit<VolumeListing, 'files'> & { files: readonly VolumeFile[] };

export type StateOperator = {
  /** `MAX_STATE_SIZE_MB`. */
  stateMb: number;
  /** `MAX_STATE_FILES`. */
  stateFiles: number;
};

/** Looks whether states are within their limits: the operator's, and what their bots' configs ask for. */
export class Allowances {
  readonly #documents: readonly Collection<BotDocument>[];
  readonly #operator: StateOperator;

  constructor(options: { documents: readonly Collection<BotDocument>[]; operator: StateOperator }) {
    this.#documents = options.documents;
    this.#operator = options.operator;
  }

  /** Most entries of a volume that a listing has to show. */
  get mostFiles(): number {
    return this.#operator.stateFiles;
  }

  /** Of these states, those over a limit, each with why and what mends it. Of what was not read to its end, what was counts. */
  async problems(listings: ReadonlyMap<string, Listed>): Promise<Map<string, string>> {
    const bytes = new Map([...listings].map(([id, { files }]) => [id, bytesOf(files)]));
    // No limit is lower than the floor, and most states are far below: their configs need not be read.
    const large = [...listings].flatMap(([id, { files }]) =>
      (bytes.get(id) ?? 0) >= STATE_FLOOR_BYTES || files.length > STATE_FLOOR_FILES ? [id] : [],
    );
    const allowed = await this.#allowed(large);
    const found = new Map<string, string>();
    for (const [id, listed] of listings) {
      const problem = this.#problem(listed, bytes.get(id) ?? 0, allowed.get(id) ?? this.#most({}));
      if (problem !== undefined)
        found.set(
          id,
          `Its state ${problem.excess}. ${problem.raise}, or have it start with nothing: npx the0-runtime state delete ${id} (what was saved of it is kept among its earlier archives, what was not is lost)`,
        );
    }
    return found;
  }

  #problem(listed: Listed, bytes: number, most: Most): { excess: string; raise: string } | undefined {
    const isMore = (!listed.complete && listed.unread !== true) || listed.files.length > most.files;
    if (isMore)
      return { excess: excessOf(listed, most.files), raise: this.#raiseFiles(listed.tooDeep, most) };
    if (bytes <= most.bytes) return undefined;
    return {
      excess: `takes ${formatMemory(roundedUp(bytes))}, and ${formatMemory(most.bytes)} are allowed`,
      raise: 'Raise config.state_limit as far as its operator allows',
    };
  }

  #raiseFiles(tooDeep: string | undefined, most: Most): string {
    if (tooDeep !== undefined) return 'Have it keep files less deep';
    return most.files < this.#operator.stateFiles
      ? 'Raise config.state_files as far as its operator allows'
      : 'Have MAX_STATE_FILES raised';
  }

  async #allowed(ids: readonly string[]): Promise<Map<string, Most>> {
    if (ids.length === 0) return new Map();
    const found = await Promise.all(
      this.#documents.map((documents) =>
        documents
          .find({ id: { $in: [...ids] } })
          .project<Pick<BotDocument, 'id' | 'config'>>({
            _id: 0,
            id: 1,
            'config.state_limit': 1,
            'config.state_files': 1,
          })
          .toArray(),
      ),
    );
    return new Map(found.flat().map(({ id, config }) => [id, this.#most(config ?? {})]));
  }

  #most(config: BotConfig): Most {
    return {
      bytes: stateLimitBytes(config, this.#operator),
      files: stateFilesLimit(config, this.#operator),
    };
  }
}

/** What one state may be. */
type Most = { bytes: number; files: number };

/** Two decimals are enough, and never show less than is over the limit. */
const roundedUp = (bytes: number): number => Math.ceil(bytes / HUNDREDTH) * HUNDREDTH;
const HUNDREDTH = 2 ** 20 / 100;

const bytesOf = (files: readonly VolumeFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);
