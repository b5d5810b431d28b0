import { LABEL } from '../../model/labels.ts';

/** The caller's labels; those that say whose and what it is cannot be overridden. */
export function ownLabels(
  installation: string,
  labels: Readonly<Record<string, string>>,
  fixed: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...labels, ...fixed, [LABEL.installation]: installation };
}
