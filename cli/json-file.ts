import { readFile } from 'node:fs/promises';
import { CliError, EXIT } from './errors.ts';

/** A JSON object in a file. Its content is never part of a message: it may hold keys. @throws CliError */
export async function readJsonObject(path: string, must: string): Promise<Record<string, unknown>> {
  return parseJsonObject(await readText(path), path, must);
}

/** `must`: what the message says that `where` must do, such as `must hold a JSON object`. @throws CliError */
export function parseJsonObject(text: string, where: string, must: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text around the mistake.
    throw new CliError(`${where} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(`${where} ${must}`);
  return value as Record<string, unknown>;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT'
      ? new CliError(`There is no configuration at ${path}`, EXIT.notFound)
      : new CliError(`${path} cannot be read: ${message}`);
  }
}
