import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { until } from '../support/poll.ts';

const SERVER = `require('net').createServer((s) => s.on('error', () => s.destroy()).end('hello\\n')).listen(7777, '0.0.0.0', () => console.log('up'))`;

/**
 * Two hosts beyond this one, without leaving it: a network namespace with an address of a private range and one that
 * stands for the internet (a documentation range), and a TCP server on both. Needs root.
 */
export class NetworkElsewhere {
  readonly port = 7777;
  readonly privateAddress: string;
  readonly publicAddress: string;
  readonly #name: string;
  readonly #subnet: number;
  #server: ChildProcess | undefined;

  constructor() {
    this.#name = `t${randomBytes(3).toString('hex')}`;
    this.#subnet = randomBytes(1)[0] as number;
    // The last /30 of a random /24, and of the documentation range.
    this.privateAddress = `10.231.${this.#subnet}.254`;
    this.publicAddress = '203.0.113.254';
  }

  async create(): Promise<void> {
    const name = this.#name;
    ip('netns', 'add', name);
    ip('link', 'add', `${name}h`, 'type', 'veth', 'peer', 'name', `${name}n`);
    ip('link', 'set', `${name}n`, 'netns', name);
    for (const [ours, theirs] of [
      [`10.231.${this.#subnet}.253/30`, `${this.privateAddress}/30`],
      ['203.0.113.253/30', `${this.publicAddress}/30`],
    ] as const) {
      ip('addr', 'add', ours, 'dev', `${name}h`);
      ip('-n', name, 'addr', 'add', theirs, 'dev', `${name}n`);
    }
    ip('link', 'set', `${name}h`, 'up');
    ip('-n', name, 'link', 'set', `${name}n`, 'up');
    this.#server = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    this.#server.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(() => output.includes('up'), { what: 'the server in the other network' });
  }

  async remove(): Promise<void> {
    const server = this.#server;
    if (server !== undefined && server.exitCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    ip('link', 'del', `${this.#name}h`);
    ip('netns', 'del', this.#name);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args);
}
