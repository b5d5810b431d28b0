import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { askEngineForText } from '../../infra/local/engine-http.ts';
import { LABEL } from '../../model/labels.ts';

const PROBE = join(import.meta.dirname, '..', '..', 'cli', 'doctor', 'probe', 'bot');

/**
 * Makes a container with the probe's program that little holds: root, without filters and limits. The runtime itself could
 * never make it; only so is it seen that the probe would notice. Returns the id of a container of the installation.
 */
export async function probeInTheOpen(options: {
  dockerHost: string;
  installation: string;
  image: string;
  config: object;
  env: Readonly<Record<string, string>>;
}): Promise<string> {
  const files = Object.fromEntries(
    readdirSync(PROBE)
      .filter((name) => name.endsWith('.py'))
      .map((name) => [name, readFileSync(join(PROBE, name), 'utf8')]),
  );
  const program = `
import json, os, sys
for folder in ("/probe", "/the0/code", "/the0/run", "/state"):
    os.makedirs(folder)
files = json.loads(${JSON.stringify(JSON.stringify(files))})
for name, text in files.items():
    open("/probe/" + name, "w").write(text)
for path in ("/the0/code/main.py", "/the0/run/launch.py", "/the0/run/result.json"):
    open(path, "w").close()
sys.path.insert(0, "/probe")
import main
main.main("open", json.loads(${JSON.stringify(JSON.stringify(options.config))}))
`;
  const created = await post(options.dockerHost, '/containers/create', {
    Image: options.image,
    Entrypoint: ['python3', '-c', program],
    User: '0:0',
    Env: Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
    Labels: { [LABEL.installation]: options.installation, [LABEL.kind]: 'probe' },
    // Not `Privileged`: an engine that has not all capabilities itself cannot make such a container.
    HostConfig: {
      NetworkMode: 'bridge',
      CapAdd: ['SYS_ADMIN'],
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
      ReadonlyPaths: [],
      MaskedPaths: [],
    },
  });
  const { Id: id } = JSON.parse(created) as { Id: string };
  return id;
}

async function post(host: string, path: string, body: object): Promise<string> {
  const answer = await askEngineForText(host, {
    method: 'POST',
    path,
    body: Readable.from([JSON.stringify(body)]),
    headers: { 'Content-Type': 'application/json' },
  });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  return answer.body;
}
