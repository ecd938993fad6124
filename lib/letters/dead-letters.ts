/** The interpreter that looks after what a service could not handle. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { AnyEndpoint } from '../core/endpoint.js'
import type { DefinitionError, StartError } from '../core/error.js'
import type { DeadLetter, LetterVerdict, Swept } from '../core/letter.js'
import type { NameOf, Service } from '../core/service.js'
import { environment, type Surroundings } from '../runtime/environment.js'
import type { LetterStore, Transport } from '../transport/transport.js'
import { keepersOf, type Keeper } from './keepers.js'
import type { DeadLetters, LetterOf, LetterSweep, RefusedLetter } from './types.js'

/** How many are listed unless it is said otherwise. */
const listed = 100
/** How many refusals a report names. */
const named = 20

type Letter = LetterOf<AnyEndpoint>

const nothing: Swept = { redriven: 0, dropped: 0 }

const wrong = (option: string, expected: string): StartError => {
  const error: DefinitionError = { _tag: 'InvalidOption', option, expected, pattern: undefined }
  return { _tag: 'InvalidDefinition', errors: [error] }
}

// n.b. what a driver gives may be a part of something larger, and is what a redrive sends
const own = (letter: DeadLetter): DeadLetter => ({
  ...letter,
  body: letter.body === undefined ? undefined : new Uint8Array(letter.body),
})

/** One look at the letters: a verdict on each that is selected, and how many were not. */
const look = ({ where = () => true, limit = Infinity }: LetterSweep, verdict: (letter: Letter) => LetterVerdict) => {
  let kept = 0
  let chosen = 0
  let thrown = false
  return {
    kept: () => kept,
    thrown: () => thrown,
    over: () => chosen >= limit,
    judge:
      ({ transport, decode }: Keeper) =>
      (stored: DeadLetter): LetterVerdict => {
        if (chosen >= limit || thrown) return 'stop'
        const found = own(stored)
        const letter: Letter = { ...found, name: transport.name, payload: decode(found) }
        try {
          if (!where(letter)) {
            kept += 1
            return 'keep'
          }
        } catch {
          thrown = true
          return 'stop'
        }
        chosen += 1
        return verdict(letter)
      },
  }
}

const readOnly = (store: LetterStore, judge: (letter: DeadLetter) => LetterVerdict): TaskEither<StartError, Swept> =>
  pipe(
    store.read((letter) => judge(letter) !== 'stop'),
    TE.map(() => nothing),
  )

const erased = (service: Service, surroundings: Surroundings): DeadLetters => {
  const visit =
    (
      selection: LetterSweep,
      verdict: (letter: Letter) => LetterVerdict,
    ): TaskEither<StartError, Swept & { readonly kept: number }> =>
    async () => {
      const { on, limit = 0, dryRun = false } = selection
      if (!(limit >= 0)) return E.left(wrong('limit', 'a number from 0'))
      const keepers = keepersOf(service, on)
      if (E.isLeft(keepers)) return keepers
      const { judge, kept, thrown, over } = look(selection, verdict)
      const total = { redriven: 0, dropped: 0 }
      for (const keeper of keepers.right) {
        if (over()) break
        const connected = await keeper.transport.connect(environment(service.name, surroundings))()
        if (E.isLeft(connected)) return connected
        try {
          for (const store of connected.right.letters?.(keeper.sources) ?? []) {
            if (over()) break
            const swept = await (dryRun ? readOnly(store, judge(keeper)) : store.sweep(judge(keeper)))()
            if (thrown()) return E.left(wrong('where', 'a function that does not throw'))
            if (E.isLeft(swept)) return swept
            total.redriven += swept.right.redriven
            total.dropped += swept.right.dropped
          }
        } finally {
          await connected.right.close()
        }
      }
      return E.right({ ...total, kept: kept() })
    }

  return {
    list:
      ({ limit = listed, ...selection } = {}) =>
      () => {
        const letters: Array<Letter> = []
        const keep = (letter: Letter): LetterVerdict => {
          letters.push(letter)
          return 'keep'
        }
        return pipe(
          visit({ ...selection, limit, dryRun: true }, keep),
          TE.map(() => letters),
        )()
      },
    redrive:
      (sweep = {}) =>
      () => {
        const refusals: Array<RefusedLetter> = []
        let refused = 0
        let fit = 0
        const decide = ({ name, messageId, endpoint, payload }: Letter): LetterVerdict => {
          if (E.isRight(payload)) {
            fit += 1
            return 'redrive'
          }
          refused += 1
          if (refusals.length < named) refusals.push({ name, messageId, endpoint, issues: payload.left })
          return 'keep'
        }
        return pipe(
          visit(sweep, decide),
          TE.map(({ redriven, kept }) => ({
            redriven: sweep.dryRun === true ? fit : redriven,
            refused,
            refusals,
            kept,
          })),
        )()
      },
    purge: (sweep) => () => {
      let meant = 0
      const drop = (): LetterVerdict => {
        meant += 1
        return 'drop'
      }
      return pipe(
        visit(sweep, drop),
        TE.map(({ dropped, kept }) => ({ purged: sweep.dryRun === true ? meant : dropped, kept })),
      )()
    },
  }
}

/**
 * The dead letters of a service: to be looked at, put back or dropped, the same on every transport. The service need not run;
 * its definition says which codecs read them. What an endpoint's `deadLetter` sends to a destination of its own is not among
 * them.
 */
export const deadLetters = <T extends Transport, X extends AnyEndpoint>(
  service: Service<T, X>,
  surroundings: Surroundings = {},
): DeadLetters<X, NameOf<T>> =>
  // The one cast: which endpoint a letter is of is known when it is read.
  erased(service, surroundings)
