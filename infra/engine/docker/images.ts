import { EngineRefused, PullFailed } from '../errors.ts';
import type { Engine } from '../port.ts';
import type { PullProgress } from './api.ts';
import type { DockerContext } from './context.ts';
import { DockerRefusal, hasStatus, plainRefusal } from './failures.ts';
import { isImageReference, parseImageReference } from './image-reference.ts';
import { jsonLines } from './json-lines.ts';

type Images = Pick<Engine, 'resolveImage' | 'pullImage' | 'removeImage'>;

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;
const DIGEST_LINE = /^Digest: (sha256:[0-9a-f]{64})$/;

export function imageCalls(context: DockerContext): Images {
  const { client, slowCallTimeoutMs } = context;

  const resolveImage: Images['resolveImage'] = async (reference, options = {}) => {
    if (!isImageReference(reference)) return undefined;
    try {
      const image = await client.json<{ Id: string }>({
        method: 'GET',
        path: `/images/${reference.split('/').map(encodeURIComponent).join('/')}/json`,
        doing: `look for the image ${reference}`,
        signal: options.signal,
      });
      return image.Id;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw plainRefusal(error);
    }
  };

  const pullImage: Images['pullImage'] = async (reference, options = {}) => {
    if (!isImageReference(reference)) throw new PullFailed(reference, 'this is not the name of an image');
    const { repository, tag, digest } = parseImageReference(reference);
    const pulled = await pull(reference, repository, digest ?? tag, options);
    // The tag may move while we pull: the digest that was pulled is what counts.
    const byDigest =
      pulled === undefined ? undefined : await resolveImage(`${repository}@${pulled}`, options);
    const id = byDigest ?? (await resolveImage(reference, options));
    if (id === undefined) throw new PullFailed(reference, 'the engine does not have it after the pull');
    return id;
  };

  async function pull(
    reference: string,
    repository: string,
    version: string,
    options: NonNullable<Parameters<Images['pullImage']>[1]>,
  ): Promise<string | undefined> {
    const stalled = new AbortController();
    const timer = setTimeout(
      () => stalled.abort(new PullFailed(reference, `no progress for ${context.stallTimeoutMs} ms`)),
      context.stallTimeoutMs,
    ).unref();
    const onAbort = () => stalled.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort);
    let digest: string | undefined;
    try {
      options.signal?.throwIfAborted();
      const stream = await client.stream({
        method: 'POST',
        path: '/images/create',
        query: { fromImage: repository, tag: version },
        ...(options.auth === undefined ? {} : { auth: options.auth }),
        doing: `pull ${reference}`,
        // Docker answers only once the registry has, and asks it more than once.
        timeoutMs: context.stallTimeoutMs,
        signal: stalled.signal,
      });
      for await (const line of jsonLines<PullProgress>(stream)) {
        timer.refresh();
        if (line.error !== undefined)
          throw new PullFailed(reference, line.errorDetail?.message ?? line.error);
        digest = DIGEST_LINE.exec(line.status ?? '')?.[1] ?? digest;
      }
      return digest;
    } catch (error) {
      if (stalled.signal.aborted) throw stalled.signal.reason;
      if (error instanceof PullFailed) throw error;
      if (error instanceof DockerRefusal) throw new PullFailed(reference, error.detail, { cause: error });
      throw client.brokenStream(error, `pull ${reference}`);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      stalled.abort();
    }
  }

  const removeImage: Images['removeImage'] = async (id, options = {}) => {
    // A name would take a name away, whatever else the image is used for.
    if (!IMAGE_ID.test(id)) throw new EngineRefused(`${JSON.stringify(id)} is not the id of an image`);
    try {
      await client.run({
        method: 'DELETE',
        path: `/images/${id}`,
        doing: 'remove an image',
        timeoutMs: slowCallTimeoutMs,
        signal: options.signal,
      });
      return true;
    } catch (error) {
      if (hasStatus(error, 404)) return true;
      if (hasStatus(error, 409)) return false;
      throw plainRefusal(error);
    }
  };

  return { resolveImage, pullImage, removeImage };
}
