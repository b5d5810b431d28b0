import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../../infra/grafana/the0-runtime.json');

export type Panel = {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string }[];
  fieldConfig?: { defaults: { unit?: string } };
};

type Dashboard = { title: string; uid: string; panels: Panel[]; annotations: { list: { expr: string }[] } };

export const dashboard = (): Dashboard => JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard;

/** What each panel asks, with the window that Grafana would choose. */
export const panelQueries = (window: string): { panel: string; query: string }[] =>
  dashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: title, query: expr.replaceAll('$__rate_interval', window) })),
  );
