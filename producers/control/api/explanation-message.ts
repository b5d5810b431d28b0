import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  Explanation_Health as Health,
  type ExplanationSchema,
} from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import type { ExplainedHealth, Explanation } from '../explain/explanation.ts';
import { noViewer, type TraceUrl } from '../trace-url.ts';
import { stamp } from './wire.ts';

const HEALTH: Readonly<Record<ExplainedHealth, Health>> = {
  well: Health.WELL,
  waiting: Health.WAITING,
  wanted: Health.WANTED,
  trouble: Health.TROUBLE,
  unknown: Health.UNSPECIFIED,
};

export const explanationMessage = (
  told: Explanation,
  traceUrl: TraceUrl = noViewer,
): MessageInitShape<typeof ExplanationSchema> => ({
  id: told.id,
  verdict: told.verdict,
  health: HEALTH[told.health],
  steps: told.steps.map(({ kind, text, at, obstacle = false, lines = [] }) => ({
    kind,
    text,
    at: stamp(at),
    obstacle,
    lines: [...lines],
  })),
  next: told.next,
  nextAt: stamp(told.nextAt),
  cures: told.cures,
  unknown: told.unknown,
  traceId: told.traceId ?? '',
  traceUrl: traceUrl(told.traceId),
});
