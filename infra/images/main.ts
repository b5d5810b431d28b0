import { ensureImages, type ImageReport } from './ensure.ts';
import { messageOf } from '../message-of.ts';

/** `npm run images`: every image of the settings on the engine, and a table of how each came there. */
try {
  const only = process.argv.slice(2);
  const reports = await ensureImages({
    progress: ({ what, detail, ms }) =>
      console.error(
        `${what}: ${detail}${ms === undefined || ms < 100 ? '' : ` (${(ms / 1000).toFixed(1)} s)`}`,
      ),
    ...(only.length > 0 ? { only } : {}),
  });
  console.log(table(reports));
  if (reports.length === 0) throw new Error(`No image or runtime is named ${only.join(', ')}`);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}

function table(reports: readonly ImageReport[]): string {
  const rows = [
    ['image', 'outcome', 'size', 'bots of'],
    ...reports.map(({ reference, outcome, builtFromPackages, bytes, runtimes }) => [
      reference,
      outcome === 'present' && builtFromPackages ? 'present (built)' : outcome,
      bytes === undefined ? '' : `${Math.round(bytes / 1e6)} MB`,
      runtimes.join(', '),
    ]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
