import { expect, it } from 'vitest';
import { metricsIn, recordingRules } from '../support/alert-rules.ts';
import { dashboard, panelQueries } from '../support/grafana-dashboard.ts';
import { defaultMetrics, sourceMetrics } from '../support/source-metrics.ts';

const { panels, annotations } = dashboard();

it('asks only for metrics that exist', () => {
  const known = new Set([
    ...sourceMetrics(),
    ...defaultMetrics(),
    ...recordingRules().map(({ record }) => record),
  ]);
  const queries = [
    ...panelQueries('5m').map(({ query }) => query),
    ...annotations.list.map(({ expr }) => expr),
  ];
  const named = queries.flatMap(metricsIn);
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((metric) => !known.has(metric))).toEqual([]);
});

it('has panels side by side that do not overlap and fill their rows', () => {
  const cells = new Map<string, string>();
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(cells.get(`${x} ${y}`), `${title} lies on it`).toBeUndefined();
        cells.set(`${x} ${y}`, title);
      }
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  expect(cells.size).toBe(24 * height);
});

it('has a unit, a title of its own and the chosen data source in each panel', () => {
  const shown = panels.filter(({ type }) => type !== 'row');
  for (const { title, datasource, fieldConfig, targets = [] } of shown) {
    expect(datasource, title).toEqual({ type: 'prometheus', uid: '${datasource}' });
    expect(fieldConfig?.defaults.unit, title).toBeTruthy();
    expect(targets.length, title).toBeGreaterThan(0);
  }
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});
