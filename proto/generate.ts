import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { buf } from './buf.ts';
import { openApiDocument } from './openapi/document.ts';

const PACKAGE = 'the0.runtime.v1';

/** Everything that comes from the `.proto` files: code, and the description of the JSON side. `into`: where it is put. */
export function generate(into: string): void {
  const fresh = mkdtempSync(join(tmpdir(), 'the0-proto-'));
  try {
    buf('generate', '--path', 'the0', '--path', 'grpc', '--output', fresh);
    cpSync(join(fresh, 'gen'), join(into, 'gen'), { recursive: true });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  writeFileSync(join(into, 'openapi.json'), openApi());
}

function openApi(): string {
  const image = fromBinary(FileDescriptorSetSchema, buf('build', '--output', '-#format=binpb'));
  const services = [...createFileRegistry(image)]
    .filter((desc) => desc.kind === 'service')
    .filter(({ file }) => file.proto.package === PACKAGE);
  return `${JSON.stringify(openApiDocument(services, `${PACKAGE}.Problem`), null, 2)}\n`;
}
