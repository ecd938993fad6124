/** The payload of every contender: about 200 bytes of JSON unless told otherwise, its io-ts codec, and the samples that the load loop sends. */
import * as t from 'io-ts'

/** A codec of its own for each endpoint, as services have. */
export const codecOf = () =>
  t.type({
    seq: t.number,
    id: t.string,
    name: t.string,
    email: t.string,
    active: t.boolean,
    balance: t.number,
    tags: t.array(t.string),
    address: t.type({ street: t.string, city: t.string }),
  })

export const Payload = codecOf()
export type Payload = t.TypeOf<typeof Payload>
export type PayloadCodec = typeof Payload

/** Returns the payload or throws. */
export type Check = (value: unknown) => Payload

/** Validation with a stock codec, for the contenders that have no codecs of their own. */
export const validated =
  (codec: PayloadCodec): Check =>
  (value) => {
    const result = codec.decode(value)
    if (result._tag === 'Left') throw new Error('invalid payload')
    return result.right
  }

/** No validation at all: a cast. */
export const unchecked: Check = (value) => value as Payload

const SAMPLES = 1_024
/** What the samples of one size may take together. */
const SAMPLES_BYTES = 8_388_608

const ordinary = (seq: number): Payload => ({
  seq,
  id: `6f1c0a52-8d0e-4b7c-9a3e-${String(seq).padStart(12, '0')}`,
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  active: true,
  balance: 1024.5,
  tags: ['admin', 'beta'],
  address: { street: '12 St James Square', city: 'London' },
})

const short = (seq: number): Payload => ({
  ...{ seq, id: '6f1c', name: 'Ada', email: '', active: true, balance: 1, tags: [] },
  address: { street: '', city: '' },
})

const bytesOf = (payload: Payload): number => JSON.stringify(payload).length
const TAG = 'a tag of a record'
const TAG_BYTES = TAG.length + 3

/** Filled up to the size with tags, so that what is parsed and what is validated grow alike. */
const sized = (seq: number, bytes: number): Payload => {
  const base = bytes < bytesOf(ordinary(SAMPLES)) ? short(seq) : ordinary(seq)
  const tags = Math.max(0, Math.floor((bytes - bytesOf(base)) / TAG_BYTES))
  return { ...base, tags: [...base.tags, ...Array.from({ length: tags }, () => TAG)] }
}

/** At most 1,024 payloads that differ in `seq`, so that a reply given to the wrong call is noticed; as they are without a size. */
export const samplesOf = (bytes?: number): ReadonlyArray<Payload> =>
  bytes === undefined
    ? Array.from({ length: SAMPLES }, (_, seq) => ordinary(seq))
    : Array.from({ length: Math.max(8, Math.min(SAMPLES, Math.floor(SAMPLES_BYTES / bytes))) }, (_, seq) =>
        sized(seq, bytes),
      )

export const samples = samplesOf()
