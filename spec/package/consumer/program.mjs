// Run by plain node against the packed package, as ESM.
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen, message, orThrow } from 'taskwire'
import { memory } from 'taskwire/memory'
import { tcp } from 'taskwire/tcp'
import { inject } from 'taskwire/testing'

const NotFound = t.strict({ _tag: t.literal('NotFound'), id: t.string })
const Get = message('users.get', { request: t.string, reply: t.strict({ id: t.string }), failure: NotFound })

const bus = memory()
const service = createMicroservice('users')
  .transport(bus)
  .handle(Get, (id) => (id === '' ? TE.left({ _tag: 'NotFound', id }) : TE.right({ id })))

const running = await orThrow(listen(service))
const client = createClient(bus)
const found = await client.send(Get, '1')()
const missing = await client.send(Get, '')()
await client.close()
await running.stop()

process.stdout.write(JSON.stringify({ found, missing, tcp: typeof tcp, inject: typeof inject }))
