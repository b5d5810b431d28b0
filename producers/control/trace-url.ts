/** Address at which people look at a trace; empty where there is no trace, or no viewer. */
export type TraceUrl = (traceId: string | null | undefined) => string;

/** `viewer`: of the settings, with `{traceId}` in it. Unset: none. */
export const traceUrlOf =
  (viewer: string | undefined): TraceUrl =>
  (traceId) =>
    viewer === undefined || typeof traceId !== 'string' ? '' : viewer.replaceAll('{traceId}', traceId);

export const noViewer: TraceUrl = () => '';
