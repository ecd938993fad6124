/** What the proxy does to bytes. */
import { expect, test } from 'vitest'
import { fixture, pause, poll, says } from './echo.js'

const made = fixture()

test('passes everything on and counts it', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  const text = 'x'.repeat(3_000_000)
  await says(one, text)
  expect(proxy.stats()).toEqual({ open: 1, accepted: 1, up: 3_000_006, down: 3_000_006 })
  one.socket.end()
  await poll(() => one.events).toEqual(['end', 'close'])
  expect(one.got()).toBe(`hello ${text}bye`)
  await poll(() => proxy.stats().open).toBe(0)
})

test('latency: each byte later, in order', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  proxy.latency(100)
  const started = Date.now()
  one.socket.write('a')
  await pause(20)
  proxy.latency(0)
  await says(one, 'b')
  expect(one.got()).toBe('hello ab')
  expect(Date.now() - started).toBeGreaterThanOrEqual(90)
})

test('a black hole both ways: nothing passes, then everything', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  proxy.hold()
  one.socket.write('held')
  await pause(100)
  expect(one.got()).toBe('hello ')
  expect(proxy.stats()).toMatchObject({ open: 1, up: 6 })
  proxy.release()
  await poll(one.got).toBe('hello held')
  expect(one.events).toEqual([])
})

test('a black hole takes connections too, and no end comes out of it', async () => {
  const { proxy, client, ended } = made()
  proxy.hold()
  const one = client()
  one.socket.end('early')
  await pause(100)
  expect([ended(), one.got(), one.events]).toEqual([0, '', []])
  await proxy.heal()
  await poll(one.got).toBe('earlybye')
})

test('a black hole one way: the server gets it, its answer does not come back', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  proxy.hold('down')
  one.socket.write('held')
  await poll(() => proxy.stats().up).toBe(10)
  await pause(50)
  expect(one.got()).toBe('hello ')
  await proxy.heal()
  await poll(one.got).toBe('hello held')
})

test('half open: a client that is gone leaves the server alone with its socket', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  proxy.hold('up')
  one.socket.resetAndDestroy()
  await pause(50)
  expect(proxy.stats().open).toBe(1)
  proxy.release('up')
  await poll(() => proxy.stats().open).toBe(0)
})

test('cut after so many bytes, in either direction, and once', async () => {
  const { proxy, talking } = made()
  const one = await talking()
  proxy.cutAfter(3, 'down')
  one.socket.write('abcdef')
  await poll(() => one.events).toEqual(['end'])
  expect(one.got()).toBe('hello abc')
  const two = await talking()
  const before = proxy.stats().up
  proxy.cutAfter(2, 'up')
  two.socket.write('abcdef')
  await poll(() => two.events).toEqual(['ECONNRESET', 'close'])
  expect(proxy.stats().up).toBe(before + 2)
  await talking()
})
