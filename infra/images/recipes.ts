import type { Root } from './root.ts';

/** How a stand-in for a stock image is made of the system's own packages. */
export type Recipe = {
  name: 'python' | 'node' | 'native' | 'java' | 'node-and-npm';
  /** Installed with all that they depend on. */
  packages: readonly string[];
  /** A program from an npm package, put at `to`. */
  npm?: { package: string; file: string; to: string };
  /** A whole npm package that needs no other, put at `to`, and its programs on the PATH. */
  npmPackage?: { package: string; to: string; programs: Readonly<Record<string, string>> };
  /** What the packages' own install scripts would have done, and where stock images have things. */
  finish?: (root: Root) => Promise<void>;
  env: Readonly<Record<string, string>>;
  command: readonly string[];
};

/** Without their dependencies, which are only needed for install scripts that do not run here. */
export const EVERYWHERE_ALONE = [
  'base-files',
  'busybox-static',
  'ca-certificates',
  'netbase',
  'tzdata',
] as const;

const NODE_ARCH = process.arch === 'arm64' ? 'arm64' : 'x64';
const DEBIAN_ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

const python: Recipe = {
  name: 'python',
  packages: ['python3.11'],
  finish: async (root) => {
    for (const name of ['python', 'python3', 'python3.11'])
      await root.link(`usr/local/bin/${name}`, '/usr/bin/python3.11');
    await root.link('usr/bin/python3', 'python3.11');
  },
  env: { LANG: 'C.UTF-8' },
  command: ['python3'],
};

const node: Recipe = {
  name: 'node',
  packages: ['libc6', 'libstdc++6', 'libgcc-s1'],
  npm: { package: `node-linux-${NODE_ARCH}@20`, file: 'bin/node', to: 'usr/local/bin/node' },
  finish: (root) => root.link('usr/local/bin/nodejs', 'node'),
  env: {},
  command: ['node'],
};

/** What the product's own image is built in, and upon. */
const nodeAndNpm: Recipe = {
  ...node,
  name: 'node-and-npm',
  packages: [...node.packages, 'iptables'],
  npm: { package: `node-linux-${NODE_ARCH}@24`, file: 'bin/node', to: 'usr/local/bin/node' },
  npmPackage: {
    package: 'npm@11',
    to: 'usr/local/lib/node_modules/npm',
    programs: { npm: 'bin/npm-cli.js', npx: 'bin/npx-cli.js' },
  },
  finish: async (root) => {
    await root.link('usr/local/bin/nodejs', 'node');
    // Debian's install script would make these.
    for (const name of ['iptables', 'iptables-restore'])
      await root.link(`usr/sbin/${name}`, 'xtables-nft-multi');
  },
};

const native: Recipe = {
  name: 'native',
  packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'libgmp10', 'libffi8', 'zlib1g', 'libssl3'],
  env: {},
  command: ['/bin/sh'],
};

const java: Recipe = {
  name: 'java',
  packages: ['openjdk-17-jre-headless'],
  finish: async (root) => {
    const home = `/usr/lib/jvm/java-17-openjdk-${DEBIAN_ARCH}`;
    await root.link('opt/java/openjdk', home);
    await root.link('usr/bin/java', `${home}/bin/java`);
    await root.writeJavaKeystore('etc/ssl/certs/java/cacerts');
  },
  env: { JAVA_HOME: '/opt/java/openjdk', LANG: 'C.UTF-8' },
  command: ['/bin/sh'],
};

/** Which stock images can be stood in for, and by what. An image of the operator's own is pulled or missing. */
export const STAND_INS: Readonly<Record<string, Recipe>> = {
  'python:3.11-slim': python,
  'node:20-slim': node,
  'ubuntu:24.04': native,
  'haskell:9.6-slim': native,
  'eclipse-temurin:17-jre': java,
  'node:24-slim': nodeAndNpm,
};
