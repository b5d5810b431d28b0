// Imports go one way: model <- infra <- queues <- producers, processors, dashboard <- cli (DESIGN §5).
const layer = (name, from, to) => ({
  name,
  severity: 'error',
  // Tests stand beside their file and may use what tests share.
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { path: to },
});
module.exports = {
  forbidden: [
    layer('proto-below-all', '^proto/', '^(model|infra|queues|producers|processors|dashboard|cli|test)/'),
    layer('model-is-pure', '^model/', '^(proto|infra|queues|producers|processors|dashboard|cli|test)/'),
    layer('model-does-no-io', '^model/', '^(node:)?(fs|net|http|https|child_process|os|dgram|tls)(/|$)'),
    layer('infra-below-queues', '^infra/', '^(queues|producers|processors|dashboard|cli|test)/'),
    layer('queues-below-actors', '^queues/', '^(producers|processors|dashboard|cli|test)/'),
    layer('producers-apart', '^producers/', '^(processors|dashboard|cli|test)/'),
    layer('processors-apart', '^processors/', '^(producers|dashboard|cli|test)/'),
    layer('dashboard-apart', '^dashboard/', '^(producers|processors|cli|test)/'),
    layer('cli-not-test', '^cli/', '^test/'),
    layer(
      'only-roles-know-which-engine',
      '^(model|queues|producers|processors|dashboard)/',
      '^infra/engine/(docker|fake)/',
    ),
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: 'node_modules' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
