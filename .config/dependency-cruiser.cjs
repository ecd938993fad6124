// Who may import whom. Each folder of lib/ has one rule: everything outside its list is refused, type-only imports included.
const pkg = (...names) => names.map((name) => `(^|/)node_modules/${name}/`)

const CORE = '^lib/core/'
const BROKER = '^lib/transport/broker/'
const PORT = '^lib/transport/transport\\.ts$'
const FUNCTIONAL = pkg('fp-ts', 'io-ts', 'retry-ts')
const RXJS = pkg('rxjs')
// Stands for every module of Node itself: dependency-cruiser knows those by kind, not by path.
const NODE = 'node:*'

/** `from` may import nothing but `allowed`. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: {
    pathNot: allowed.flat().filter((path) => path !== NODE),
    ...(allowed.includes(NODE) ? { dependencyTypesNot: ['core'] } : {}),
  },
})

const transport = (folder, driver = []) =>
  only(
    `transport-${folder}`,
    `^lib/transport/${folder}/`,
    [
      [CORE, PORT, FUNCTIONAL, RXJS, `^lib/transport/${folder}/`, NODE, pkg(...driver)],
      driver.length > 0 ? [BROKER] : [],
    ].flat(),
    'A transport knows the core, the port, Node, rxjs, its one driver and what brokers share: never the runtime, the client or another transport.',
  )

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only(
      'core',
      '^lib/core/(?!service\\.ts$)',
      [CORE, FUNCTIONAL],
      'The core is pure: no rxjs, no Node module, no broker, no transport.',
    ),
    only(
      'service',
      '^lib/core/service\\.ts$',
      [CORE, PORT, FUNCTIONAL],
      'A definition carries transports as values, so its type names the port; nothing else of the core does.',
    ),
    only('port', PORT, [CORE, FUNCTIONAL, RXJS], 'The port knows the core and rxjs only.'),
    transport('memory'),
    transport('tcp'),
    only(
      'broker',
      BROKER,
      [CORE, PORT, FUNCTIONAL, RXJS, BROKER, NODE],
      'What the transports over brokers share knows no driver.',
    ),
    transport('redis', ['ioredis']),
    transport('amqp', ['amqplib']),
    transport('kafka', ['kafkajs']),
    only(
      'runtime',
      '^lib/runtime/',
      [CORE, PORT, FUNCTIONAL, RXJS, '^lib/runtime/', '^lib/client/'],
      'The runtime meets transports through the port alone; it may use the client, to hand one to the running service.',
    ),
    only(
      'letters',
      '^lib/letters/',
      [CORE, PORT, FUNCTIONAL, '^lib/letters/', '^lib/runtime/environment\\.ts$'],
      'What looks after dead letters meets transports through the port alone, and runs no handler.',
    ),
    only(
      'client',
      '^lib/client/',
      [CORE, PORT, FUNCTIONAL, RXJS, '^lib/client/'],
      'The client meets transports through the port alone.',
    ),
    {
      name: 'testing',
      comment: 'The testing kit runs on memory: no other transport, and not the public index.',
      severity: 'error',
      from: { path: '^lib/testing/' },
      to: {
        path: [
          '^lib/index\\.ts$',
          '^lib/transport/(?!memory/|transport\\.ts$)',
          ...pkg('kafkajs', 'ioredis', 'amqplib'),
        ],
      },
    },
    only('builder', '^lib/microservice\\.ts$', [CORE, PORT, FUNCTIONAL], 'The builder only copies: core and the port.'),
    {
      name: 'folder-without-a-rule',
      comment: 'Every folder of lib/ is listed in this file.',
      severity: 'error',
      from: {
        path: '^lib/',
        pathNot: [
          '^lib/(index|microservice)\\.ts$',
          '^lib/(core|runtime|letters|client|testing)/',
          '^lib/transport/(memory|tcp|broker|redis|amqp|kafka)/',
          PORT,
        ],
      },
      to: {},
    },
    {
      name: 'nobody-imports-the-index',
      comment: 'lib/index.ts is for users; inside lib import the file that defines the thing.',
      severity: 'error',
      from: {},
      to: { path: '^lib/index\\.ts$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that imports nothing and that nothing imports.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'not-resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency',
      comment: 'lib/ may not lean on a package that users do not get.',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: ['(^|/)node_modules/@types/'],
        dependencyTypesNot: ['npm', 'npm-peer', 'npm-optional'],
      },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'import', 'require', 'node', 'default'],
      extensions: ['.ts', '.d.ts', '.js'],
      mainFields: ['main', 'types', 'typings'],
    },
  },
}
