/** What the `users` service and its callers agree on. Both sides import this file, and nothing else of each other. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { event, message } from 'taskwire'

// The name of a codec is what a caller reads as "expected", so it says what to send instead.
const text = (name: string, test: (value: string) => boolean) =>
  new t.Type<string>(
    name,
    (value): value is string => typeof value === 'string' && test(value),
    (value, context) => (typeof value === 'string' && test(value) ? t.success(value) : t.failure(value, context)),
    t.identity,
  )

const Id = text('an id like u-1001', (value) => /^u-\d{4}$/.test(value))
const Name = text('text that is not empty', (value) => value.trim() !== '')
const Email = text('an email address', (value) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value))

const day = (date: Date): string => date.toISOString().slice(0, 10)

/** A `Date` in the program, `2024-05-17` on the wire: a codec is where the two meet. */
const Day = new t.Type<Date, string>(
  'a day like 2024-05-17',
  (value): value is Date => Object.prototype.toString.call(value) === '[object Date]',
  (value, context) =>
    pipe(
      t.string.validate(value, context),
      E.map((given) => ({ given, date: new Date(`${given}T00:00:00Z`) })),
      E.chain(({ given, date }) =>
        !Number.isNaN(date.getTime()) && day(date) === given ? t.success(date) : t.failure(value, context),
      ),
    ),
  day,
)

// n.b. `t.strict`, not `t.type`: it drops fields it does not name, also when it encodes a reply.
export const User = t.strict(
  {
    id: Id,
    name: Name,
    email: Email,
    role: t.keyof({ admin: null, editor: null, viewer: null }, 'admin, editor or viewer'),
    joined: Day,
  },
  'an object with id, name, email, role and joined',
)
export type User = t.TypeOf<typeof User>

export const NotFound = t.strict({ _tag: t.literal('NotFound'), id: t.string })
export type NotFound = t.TypeOf<typeof NotFound>

export const UserCreated = event('user.created', User)
export const UsersGet = message('users.get', { request: t.strict({ id: t.string }), reply: User, failure: NotFound })
