import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Settings } from '../../infra/config/settings.ts';
import { S3Client, s3Options } from '../../infra/s3/client.ts';
import { storedLine } from '../../model/log-lines.ts';
import { dayText } from '../../producers/control/logs/place.ts';
import { liveSubject } from '../../producers/live-logs/subject.ts';
import { workOn } from './queue-work.ts';
import type { TestServers } from './servers.ts';

/**
 * Bots that print, with what carries it: each line is published at once, and saved when `log-flush` asks for it, as the
 * follower and a processor do. No engine is needed.
 */
export class PrintingBots implements AsyncDisposable {
  readonly #s3: S3Client;
  readonly #nats: NatsConnection;
  readonly #bucket: string;
  readonly #pending = new Map<string, Buffer[]>();
  readonly #saved = new Map<string, Buffer>();
  readonly #saving = new Map<string, Promise<void>>();
  #worker: AsyncDisposable | undefined;

  private constructor(s3: S3Client, nats: NatsConnection, bucket: string) {
    this.#s3 = s3;
    this.#nats = nats;
    this.#bucket = bucket;
  }

  static async open(servers: TestServers, settings: Settings): Promise<PrintingBots> {
    const s3 = new S3Client(s3Options(settings));
    await s3.ensureBucket(settings.S3_LOG_BUCKET);
    const nats = await connect({ servers: servers.natsUrl });
    const bots = new PrintingBots(s3, nats, settings.S3_LOG_BUCKET);
    bots.#worker = workOn(servers, 'log-flush', (botId) => bots.save(botId));
    return bots;
  }

  /** Live, and to be saved. */
  print(id: string, ...lines: string[]): void {
    this.publish(id, ...lines);
    this.keep(id, ...lines);
  }

  publish(id: string, ...lines: string[]): void {
    this.#nats.publish(liveSubject(id), lines.map((line) => `${line}\n`).join(''));
  }

  /** To be saved, and not heard by anybody. */
  keep(id: string, ...lines: string[]): void {
    const time = new Date().toISOString();
    const stored = lines.flatMap((line) =>
      [storedLine(Buffer.from(line), time) ?? [], Buffer.from('\n')].flat(),
    );
    this.#pending.set(id, [...(this.#pending.get(id) ?? []), ...stored]);
  }

  /**
   * Resolves once all that is kept by now is stored. One at a time, as a processor does it: of two at once the older could be
   * written last, and one that finds nothing left to save would not wait for the other's.
   */
  save(id: string): Promise<void> {
    const before = this.#saving.get(id) ?? Promise.resolve();
    const saving = before.catch(() => undefined).then(() => this.#save(id));
    this.#saving.set(id, saving);
    return saving;
  }

  async #save(id: string): Promise<void> {
    const more = this.#pending.get(id) ?? [];
    if (more.length === 0) return;
    this.#pending.set(id, []);
    const content = Buffer.concat([this.#saved.get(id) ?? Buffer.alloc(0), ...more]);
    this.#saved.set(id, content);
    await this.store(id, dayText(Date.now()), content);
  }

  async store(id: string, day: string, content: string | Buffer): Promise<void> {
    await this.#s3.put(this.#bucket, `logs/${id}/${day}.log`, content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
    await this.#nats.close();
    this.#s3[Symbol.dispose]();
  }
}
