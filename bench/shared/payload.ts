/** The payload of every contender: about 200 bytes of JSON, its io-ts codec, and the samples that the load loop sends. */
import * as t from 'io-ts'

export const Payload = t.type({
  seq: t.number,
  id: t.string,
  name: t.string,
  email: t.string,
  active: t.boolean,
  balance: t.number,
  tags: t.array(t.string),
  address: t.type({ street: t.string, city: t.string }),
})
export type Payload = t.TypeOf<typeof Payload>

/** Returns the payload or throws. */
export type Check = (value: unknown) => Payload

/** Validation with the stock codec, for the contenders that have no codecs of their own. */
export const validated: Check = (value) => {
  const result = Payload.decode(value)
  if (result._tag === 'Left') throw new Error('invalid payload')
  return result.right
}

/** No validation at all: a cast. */
export const unchecked: Check = (value) => value as Payload

/** 1,024 payloads that differ in `seq`, so that a reply given to the wrong call is noticed. */
export const samples: ReadonlyArray<Payload> = Array.from({ length: 1024 }, (_, seq) => ({
  seq,
  id: `6f1c0a52-8d0e-4b7c-9a3e-${String(seq).padStart(12, '0')}`,
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  active: true,
  balance: 1024.5,
  tags: ['admin', 'beta'],
  address: { street: '12 St James Square', city: 'London' },
}))
