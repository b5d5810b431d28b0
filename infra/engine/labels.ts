import { randomBytes } from 'node:crypto';
import { LABEL } from '../../model/labels.ts';

/** The caller's labels; those that say whose and what it is cannot be overridden. */
export function ownLabels(
  installation: string,
  labels: Readonly<Record<string, string>>,
  fixed: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...labels, ...fixed, [LABEL.installation]: installation };
}

/** Those of a volume. An engine that has it already keeps the ones it was made with. */
export function volumeLabels(
  installation: string,
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  return ownLabels(installation, labels, { [LABEL.made]: randomBytes(8).toString('hex') });
}
