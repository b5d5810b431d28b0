import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WishSchema } from '../../../proto/gen/the0/runtime/v1/common_pb.js';
import { stamp } from './wire.ts';

/** Who wanted something, and why. */
export const wishMessage = (
  wish: { who: string; why: string; at: Date | string } | null | undefined,
): MessageInitShape<typeof WishSchema> | undefined =>
  wish === null || wish === undefined ? undefined : { who: wish.who, why: wish.why, at: stamp(wish.at) };
