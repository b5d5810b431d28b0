/** Why a figure is not reached, found with a profiler: by the figure's name as the table shows it. Shown only where it fails. */
export const CAUSES: Readonly<Record<string, string>> = {};
