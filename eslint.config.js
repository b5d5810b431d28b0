import tseslint from 'typescript-eslint';

// Typed rules matter most here: a floating promise in a runtime that holds money is a lost error.
export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      '.data/',
      'examples/',
      'proto/gen/',
      'processors/entrypoints/launchers/',
      '*.config.*',
      'bin/',
      'infra/installation/healthy.mjs',
      '.dependency-cruiser.cjs',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
    },
  },
  // The command line, tests and benches talk to a person: there, console is the interface.
  { files: ['cli/**', 'test/**', 'infra/local/**', 'infra/images/**'], rules: { 'no-console': 'off' } },
);
