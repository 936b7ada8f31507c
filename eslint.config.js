import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

/** Folders of the services from the top floor down: each may import from those below it, and from itself. */
const FLOORS = [['api', 'indexer', 'ops'], ['task'], ['pipeline'], ['platform']];

const WHY = {
  task: 'The domain is used by the composition roots above it; it does not know them.',
  pipeline: 'The pipeline carries any entity (services/pipeline/entity.ts): take what you need from it as an argument.',
  platform: 'The platform knows servers and HTTP, and nothing of events or tasks: take what you need as an argument.',
};

/** Imports run one way: api | indexer | ops → task → pipeline → platform. */
const oneWay = FLOORS.flatMap((floor, index) =>
  floor.map((folder) => {
    const above = FLOORS.slice(0, index).flat();
    const beside = floor.filter((other) => other !== folder);
    const forbidden = [...above, ...beside];
    return {
      files: [`services/${folder}/**/*.ts`],
      // The one page that lists the settings of all services.
      ignores: ['services/ops/config/tables.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                regex: `^(\\.\\./)+(${forbidden.join('|')})/`,
                message:
                  WHY[folder] ??
                  'The API, the indexer and ops share nothing but what lies in task, pipeline and platform.',
              },
              {
                regex: '^(\\.\\./)+(infra|test)/',
                message: 'Images hold the services alone.',
              },
            ],
          },
        ],
      },
    };
  }),
);

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'build/',
      'dist/',
      'coverage/',
      '.data/',
      '.scratch/',
      'charts/',
      'test/fixtures/generated-client/',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js', '*.mjs', 'infra/local/*.mjs'] } },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['services/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='Date'][property.name='now']",
          message:
            'The wall clock steps: count intervals and deadlines with performance.now(). Where a date is meant, disable this for the line and say which.',
        },
        {
          selector: 'TemplateElement[value.raw=/\\b[Aa]n? $/]',
          message: 'The name may begin with a vowel or with none: write the sentence without an article before it.',
        },
      ],
    },
  },
  // An expression that backtracks lets a header of a few kilobytes hold the event loop for seconds.
  {
    plugins: { regexp },
    rules: { 'regexp/no-super-linear-backtracking': 'error', 'regexp/no-super-linear-move': 'error' },
  },
  // The command line tools speak to a person on standard output.
  { files: ['infra/**', 'services/ops/**', 'test/**'], rules: { 'no-console': 'off' } },
  // Manifests are trees of YAML; what reads them here is judged by whether it finds something.
  {
    files: ['test/infra/**', 'test/cluster/**', 'test/support/manifests.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  ...oneWay,
  {
    files: ['infra/**/*.ts'],
    ignores: ['infra/local/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/services/(?!(task/resources|ops/cli/(help|usage))\\.ts$)',
              message:
                'Manifests read names from services/task/resources.ts alone; their command lines speak as those of services/ops/cli.',
            },
          ],
        },
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
);
