/** `repository` with its registry, and what names the version: `digest` wins over `tag`. */
export type ImageReference = { repository: string; tag: string; digest?: string };

/** `registry:5000/name:tag@sha256:…`; without a tag it is `latest`, as everywhere. */
export function parseImageReference(reference: string): ImageReference {
  const [name = '', digest] = reference.split('@', 2);
  // A colon before the last slash is the registry's port.
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  const repository = colon < 0 ? name : name.slice(0, colon);
  const tag = colon < 0 ? 'latest' : name.slice(colon + 1);
  return { repository, tag, ...(digest === undefined ? {} : { digest }) };
}

// What is before the first slash is a host only with a dot or a port, or as localhost.
const HOST = '(?:(?:localhost|[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)+)(?::[0-9]+)?/|[a-zA-Z0-9-]+:[0-9]+/)?';
const PATH = '[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*';
const REFERENCE = new RegExp(`^${HOST}${PATH}(?::[\\w][\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`);
const ID = /^sha256:[0-9a-f]{64}$/;

/** Whether it can name an image at all: a reference, or an image's id. */
export function isImageReference(text: string): boolean {
  return text.length <= 512 && (REFERENCE.test(text) || ID.test(text));
}
