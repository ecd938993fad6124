import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`../lib/${path}`, import.meta.url))

// A broker beside them takes a processor of its own: one file at a time, or they run into each other's limits.
const onBrokers = [
  'spec/brokers/**/*.spec.ts',
  'spec/transport/{redis,amqp,kafka}/**/*.spec.ts',
  'spec/conformance/{redis,amqp,kafka,accounting,protection}.spec.ts',
  'spec/letters/{redis,amqp,kafka}.spec.ts',
  'spec/examples/{users,everywhere,dead-letters}.spec.ts',
]
const compiling = ['spec/docs/**/*.spec.ts', 'spec/package/**/*.spec.ts', 'spec/types/**/*.spec.ts']
// Break brokers and processes, and take minutes: `npm run test:faults`.
const faults = ['spec/faults/**/*.spec.ts']
// Of these, what measures or needs both processors; the others mostly wait, and go two at a time.
const alone = ['spec/faults/{crowds,frames,overload,soak}.spec.ts', 'spec/faults/crash/crash.spec.ts']
// Compares docs/conformance.md with what the cases came to.
const afterwards = ['spec/conformance/page.spec.ts']

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: {
    // The package's own names resolve to its sources, so that specs import what a user imports and need no build.
    alias: [
      { find: /^taskwire$/, replacement: source('index.ts') },
      { find: /^taskwire\/tcp$/, replacement: source('transport/tcp/index.ts') },
      { find: /^taskwire\/memory$/, replacement: source('transport/memory/index.ts') },
      { find: /^taskwire\/redis$/, replacement: source('transport/redis/index.ts') },
      { find: /^taskwire\/amqp$/, replacement: source('transport/amqp/index.ts') },
      { find: /^taskwire\/kafka$/, replacement: source('transport/kafka/index.ts') },
      { find: /^taskwire\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    globals: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // One process per spec file: sockets, timers and garbage-collection figures of one file cannot reach another.
    pool: 'forks',
    maxWorkers: 2,
    // Where specs ask for a broker. It starts none by itself.
    globalSetup: ['spec/brokers/global-setup.ts'],
    // What runs the compiler for seconds comes last: it would take the processor from specs that measure time.
    projects: [
      {
        extends: true,
        test: {
          name: 'lib',
          include: ['spec/**/*.spec.ts'],
          exclude: [...onBrokers, ...compiling, ...afterwards, ...faults],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'brokers', include: onBrokers, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
      { extends: true, test: { name: 'package', include: [...compiling, ...afterwards], sequence: { groupOrder: 2 } } },
      {
        extends: true,
        test: { name: 'faults', include: faults, exclude: alone, maxWorkers: 2, sequence: { groupOrder: 3 } },
      },
      { extends: true, test: { name: 'faults-alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 4 } } },
    ],
    coverage: {
      provider: 'v8',
      include: ['lib/**/*.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
})
