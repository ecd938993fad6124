import { fileURLToPath } from 'node:url'
import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

// ---- imports -------------------------------------------------------------------------------------------------------

const importPatterns = [
  {
    regex: '^fp-ts(?!/lib/[A-Za-z]+\\.js$)',
    message: "Write 'fp-ts/lib/X.js': anything else fails under plain Node ESM or loads the whole package.",
  },
  { regex: '^io-ts/', message: "Import from 'io-ts'." },
  { regex: '^retry-ts/(?!lib/[A-Za-z]+\\.js$)', message: "Write 'retry-ts' or 'retry-ts/lib/X.js'." },
  { regex: '^taskwire/(lib|dist)/', message: "Import from 'taskwire' or one of its subpaths." },
]

const importPaths = [
  {
    name: 'kafkajs',
    allowImportNames: ['default'],
    allowTypeImports: true,
    message: "Only `import kafkajs from 'kafkajs'` finds every name under plain Node ESM.",
  },
  {
    name: 'ioredis',
    importNames: ['default'],
    allowTypeImports: true,
    message: "Write `import { Redis, Cluster } from 'ioredis'`: the default import fails under plain Node ESM.",
  },
]

// Time and chance come from lib/core/clock.ts, as a value: a test can then hold them.
const timePaths = [
  ...['timers', 'timers/promises', 'perf_hooks'].flatMap((name) => [name, `node:${name}`]).map((name) => ({ name })),
  ...['crypto', 'node:crypto'].map((name) => ({
    name,
    importNames: [
      'randomBytes',
      'randomFill',
      'randomFillSync',
      'randomInt',
      'randomUUID',
      'webcrypto',
      'getRandomValues',
    ],
  })),
].map((path) => ({ ...path, message: 'Time and randomness come from the Clock (lib/core/clock.ts).' }))

const libPatterns = [
  { regex: '^taskwire(/|$)', message: 'Inside lib import the file, not the package.' },
  {
    regex: '^(?!\\.{1,2}/).*\\.ts$|^\\.{1,2}/(?!.*\\.js$)',
    message: "Relative imports end in '.js'.",
  },
]

const restrictedImports = ({ paths = [], patterns = [] } = {}) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { paths: [...importPaths, ...paths], patterns: [...importPatterns, ...patterns] },
  ],
})

/** `depth` is the number of folders between lib/ and the file. */
const libImports = (depth, paths = timePaths) =>
  restrictedImports({
    paths,
    patterns: [
      ...libPatterns,
      {
        regex: depth === 0 ? '^\\./index\\.js$' : `^(\\.\\./){${depth}}index\\.js$`,
        message: 'Nobody imports lib/index.ts: import the file that defines the thing.',
      },
    ],
  })

// ---- syntax --------------------------------------------------------------------------------------------------------

const noClasses = [
  { selector: 'ClassDeclaration, ClassExpression', message: 'No classes: plain tagged objects and functions.' },
  { selector: 'Decorator', message: 'No decorators.' },
  { selector: 'TSEnumDeclaration', message: 'No enums: a union of literals.' },
]

const noInstanceof = [
  {
    selector: "BinaryExpression[operator='instanceof']",
    message: 'No instanceof: it fails between the ESM and the CommonJS copy of one package. Look at `_tag`.',
  },
]

const fromClock = 'Time and randomness come from the Clock (lib/core/clock.ts).'

const noTimeSyntax = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: fromClock },
  { selector: "CallExpression[callee.name='Date']", message: fromClock },
  { selector: "MemberExpression[object.name='process'][property.name='hrtime']", message: fromClock },
]

const noTimeProperties = [
  ['Date', 'now'],
  ['Math', 'random'],
  ...['setTimeout', 'setInterval', 'performance', 'crypto'].map((name) => ['globalThis', name]),
  ...['getRandomValues', 'randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync'].map((name) => [
    'crypto',
    name,
  ]),
].map(([object, property]) => ({ object, property, message: fromClock }))

const noTimeGlobals = ['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: fromClock }))

// Buffer stays: it is data, and the fastest way between text and bytes.
const noNodeGlobals = ['process', 'require', '__dirname', '__filename'].map((name) => ({
  name,
  message: 'The core is pure: nothing of the process in it.',
}))

// ---- configuration -------------------------------------------------------------------------------------------------

const typescript = ['**/*.{ts,mts,cts}']

export default defineConfig(
  globalIgnores(['**/node_modules/', 'dist/', 'coverage/', 'docs/', '.tmp/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'Buffer', 'performance', 'setTimeout', 'clearTimeout', 'module', 'require'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
  {
    files: typescript,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: fileURLToPath(new URL('..', import.meta.url)) },
    },
    rules: {
      ...restrictedImports(),
      'no-restricted-syntax': ['error', ...noClasses, ...noInstanceof],
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-param-reassign': 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/consistent-type-exports': ['error', { fixMixedExportsWithInlineTypeSpecifier: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {
          allowDefaultCaseForExhaustiveSwitch: true,
          considerDefaultExhaustiveForUnions: true,
          requireDefaultForNonUnion: false,
        },
      ],
      // fp-ts code is made of one-line arrows, also where the result is void.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-invalid-void-type': ['error', { allowInGenericTypeArguments: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // State that a callback changes between two looks is taken for constant.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // There are no enums and no classes to watch over, and these two take seconds.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // Explicit arguments document: `t.Type<A, any, unknown>`.
      '@typescript-eslint/no-unnecessary-type-arguments': 'off',
      // `String(JSON.stringify(x))` is no mistake: the declared type hides an `undefined`.
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      // Phantom and inferred parameters of the builder look unnecessary to these two.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      // An interface that only names a type reads better in editors.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      'no-console': 'error',
      'max-lines': ['error', { max: 300 }],
      'no-restricted-syntax': ['error', ...noClasses, ...noInstanceof, ...noTimeSyntax],
      'no-restricted-properties': ['error', ...noTimeProperties],
      'no-restricted-globals': ['error', ...noTimeGlobals],
    },
  },
  { files: ['lib/*.ts'], rules: libImports(0) },
  { files: ['lib/*/*.ts'], rules: libImports(1) },
  { files: ['lib/*/*/*.ts'], rules: libImports(2) },
  { files: ['lib/*/*/*/*.ts'], rules: libImports(3) },
  { files: ['lib/core/**/*.ts'], rules: { 'no-restricted-globals': ['error', ...noTimeGlobals, ...noNodeGlobals] } },
  {
    // The one place that may read the clock, set timers and throw dice.
    files: ['lib/core/clock.ts'],
    rules: {
      ...libImports(1, []),
      'no-restricted-syntax': ['error', ...noClasses, ...noInstanceof],
      'no-restricted-properties': 'off',
      'no-restricted-globals': 'off',
    },
  },
  {
    files: ['spec/**/*.{ts,mts,cts}', 'bench/**/*.ts'],
    rules: {
      // Specs look at foreign errors and at values of unknown shape. Floating promises stay an error.
      'no-restricted-syntax': ['error', ...noClasses],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  { files: ['**/*.cts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: ['spec/types/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-vars': 'off', '@typescript-eslint/no-unused-expressions': 'off' },
  },
)
