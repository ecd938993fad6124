/** The payloads: their shapes, and 64 different texts of each, so that no loop sees one object only. */
import type { Shape } from './shape.js'

const VALUES = 64

export interface Payload {
  readonly name: string
  readonly shape: Shape
  readonly texts: ReadonlyArray<string>
}

const payload = (name: string, shape: Shape, value: (seed: number) => object): Payload => ({
  name,
  shape,
  texts: Array.from({ length: VALUES }, (_, seed) => JSON.stringify(value(seed))),
})

const flat = payload(
  'flat',
  { fields: { id: 'string', name: 'string', email: 'string', age: 'number', active: 'boolean', score: 'number' } },
  (seed) => ({
    id: `u-${String(seed).padStart(8, '0')}`,
    name: 'Ada King Lovelace',
    email: `ada.${seed % 10}@example.org`,
    age: 20 + seed,
    active: seed % 2 === 0,
    score: seed + 0.25,
  }),
)

const address: Shape = {
  fields: { street: 'string', city: 'string', postcode: 'string', country: 'string' },
}
const order = payload(
  'order',
  {
    fields: {
      id: 'string',
      number: 'number',
      status: { oneOf: ['draft', 'placed', 'paid', 'shipped', 'returned'] },
      createdAt: 'string',
      customer: {
        fields: { id: 'string', name: 'string', email: 'string', company: { nullable: 'string' } },
        optional: { phone: 'string', vat: 'string' },
      },
      billing: address,
      shipping: address,
      items: {
        list: {
          fields: {
            sku: 'string',
            title: 'string',
            quantity: 'number',
            price: { fields: { amount: 'number', currency: 'string' } },
            tags: { list: 'string' },
          },
        },
      },
      payment: {
        tag: 'method',
        cases: {
          card: { brand: 'string', last4: 'string' },
          transfer: { iban: 'string' },
          invoice: { days: 'number' },
        },
      },
      metadata: { record: 'string' },
      total: 'number',
      note: { nullable: 'string' },
    },
  },
  (seed) => ({
    id: `o-${String(seed).padStart(12, '0')}`,
    number: 100_000 + seed,
    status: ['draft', 'placed', 'paid', 'shipped', 'returned'][seed % 5],
    createdAt: '2026-03-01T10:11:12.345Z',
    customer: {
      id: `c-${seed}`,
      name: 'Ada Lovelace',
      email: 'ada@example.org',
      company: seed % 3 === 0 ? null : 'Analytical Engines Ltd',
      ...(seed % 2 === 0 ? { phone: '+44 20 7946 0018' } : {}),
    },
    billing: { street: "12 St James's Square", city: 'London', postcode: 'SW1Y 4JH', country: 'GB' },
    shipping: { street: '1 Dorset Street', city: 'London', postcode: 'W1U 4EG', country: 'GB' },
    items: Array.from({ length: 6 }, (_, item) => ({
      sku: `sku-${seed}-${item}`,
      title: 'Punched cards, box of 2,000',
      quantity: 1 + ((seed + item) % 4),
      price: { amount: 12.5 + item, currency: 'GBP' },
      tags: item % 2 === 0 ? ['paper', 'cards'] : ['paper'],
    })),
    payment: [
      { method: 'card', brand: 'visa', last4: '4242' },
      { method: 'transfer', iban: 'GB33BUKB20201555555555' },
      { method: 'invoice', days: 30 },
    ][seed % 3],
    metadata: { source: 'web', campaign: 'spring' },
    total: 187.5 + seed,
    note: seed % 4 === 0 ? 'Leave it with the porter.' : null,
  }),
)

const users = payload(
  'users',
  {
    list: {
      fields: {
        id: 'number',
        name: 'string',
        email: 'string',
        active: 'boolean',
        roles: { list: 'string' },
        address: { fields: { street: 'string', city: 'string', country: 'string' } },
        balance: 'number',
      },
    },
  },
  (seed) =>
    Array.from({ length: 200 }, (_, i) => ({
      id: seed * 1_000 + i,
      name: 'Ada Lovelace',
      email: `ada.${i}@example.org`,
      active: (seed + i) % 2 === 0,
      roles: i % 3 === 0 ? ['admin', 'user'] : ['user'],
      address: { street: "12 St James's Square", city: 'London', country: 'GB' },
      balance: 100.5 + i,
    })),
)

export const payloads: ReadonlyArray<Payload> = [flat, order, users]
