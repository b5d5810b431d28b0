import { messageOf } from '../message-of.ts';
import { buildProductImages } from './product.ts';

/** `npm run image`: the product's own image on the engine, on a base that is pulled or made of packages. */
try {
  const images = await buildProductImages({
    progress: ({ what, detail, ms }) =>
      console.error(`${what}: ${detail}${ms === undefined ? '' : ` (${(ms / 1000).toFixed(1)} s)`}`),
  });
  console.log(Object.values(images).join('\n'));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
