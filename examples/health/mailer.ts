/** A service that is of no use without the mail server behind it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, event } from 'taskwire'

export const MailDue = event('mail.due', t.string)

/** Sends a mail. That it rejects when the mail server is down was not thought of: a defect, and not a declared failure. */
export type Send = (address: string) => TaskEither<never, void>

export const mailer = (send: Send) => createMicroservice('mailer').handle(MailDue, send)
