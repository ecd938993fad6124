/** What the proxy does to connections. */
import { expect, test } from 'vitest'
import { fixture, poll, says } from './echo.js'
import { faultProxy } from './proxy.js'

const made = fixture()

test('reset', async () => {
  const { proxy, talking } = made()
  const some = await Promise.all([talking(), talking()])
  proxy.reset()
  await poll(() => some.map(({ events }) => events)).toEqual(some.map(() => ['ECONNRESET', 'close']))
  await poll(() => proxy.stats()).toMatchObject({ open: 0, accepted: 2 })
  await talking()
})

test('reset while its end is under way leaves no socket behind', async () => {
  const { proxy, talking } = made()
  await talking()
  proxy.halfClose('up')
  proxy.halfClose('down')
  proxy.reset()
  await poll(() => proxy.stats()).toMatchObject({ open: 0 })
})

test('half close towards the client, and towards the server', async () => {
  const { proxy, talking, ended } = made()
  const one = await talking()
  proxy.halfClose('down')
  await poll(() => one.events).toEqual(['end'])
  expect(ended()).toBe(0)
  one.socket.destroy()
  const two = await talking()
  proxy.halfClose('up')
  await poll(two.got).toBe('hello bye')
})

test('abandon: the open connections say nothing any more, not even their end; new ones pass', async () => {
  const { proxy, talking, ended } = made()
  const one = await talking()
  proxy.abandon()
  one.socket.end('into the void')
  await talking()
  await proxy.heal()
  await talking()
  expect([one.got(), one.events, ended()]).toEqual(['hello ', [], 0])
  expect(proxy.stats()).toMatchObject({ open: 3, up: 18, down: 18 })
})

test('refuse: the open connections go on', async () => {
  const { proxy, talking, client } = made()
  const one = await talking()
  await proxy.refuse()
  const two = client()
  await poll(() => two.events).toEqual(['ECONNREFUSED', 'close'])
  await says(one, 'still here')
  await proxy.up()
  await talking()
})

test('down and up on the same port, ten times', async () => {
  const { proxy, talking, client } = made()
  for (let times = 0; times < 10; times += 1) {
    const one = await talking()
    await proxy.down()
    await poll(() => one.events).toEqual(['ECONNRESET', 'close'])
    const two = client()
    await poll(() => two.events).toEqual(['ECONNREFUSED', 'close'])
    await proxy.up()
  }
  expect(proxy.stats().accepted).toBe(10)
})

test('an upstream that is set later, and one that is not there', async () => {
  const { proxy, client } = made()
  const late = await faultProxy()
  const early = client(late)
  await poll(() => early.events.at(-1)).toBe('close')
  late.upstream(proxy)
  await says(client(late), 'through two')
  await proxy.down()
  const after = client(late)
  await poll(() => after.events.at(-1)).toBe('close')
  await late.close()
})
