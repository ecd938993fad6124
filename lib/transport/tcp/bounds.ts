/** What keeps a call from being sent: checked before anything of it is kept. */
import type { Failing, Outgoing } from '../transport.js'
import type { Tally } from './call.js'
import { failing } from './failing.js'
import type { TcpLimits } from './limits.js'
import { outgoingIssues } from './outgoing.js'

/** Whether a body has more than `most` bytes; counts them only where it is close. */
export const larger = (body: Outgoing['body'], most: number): boolean =>
  body.length * 3 > most && Buffer.byteLength(body) > most

/** A message that cannot be sent, whatever the connection. */
export const outOfBounds = (
  message: Outgoing,
  more: Uint8Array | undefined,
  limits: TcpLimits,
): Failing | undefined => {
  if (larger(message.body, limits.maxFrameBytes))
    return failing({ _tag: 'MessageTooLarge', limitBytes: limits.maxFrameBytes })
  const issues = outgoingIssues(message, more)
  return issues.length > 0 ? failing({ _tag: 'InvalidPayload', issues }) : undefined
}

/** A message that would have to wait where there is no room to wait. */
export const crowded = (message: Outgoing, waiting: Tally, limits: TcpLimits): Failing | undefined =>
  waiting.count >= limits.maxQueued
    ? failing({ _tag: 'Overloaded', limit: limits.maxQueued })
    : waiting.bytes + message.body.length > limits.maxQueuedBytes
      ? failing({ _tag: 'Overloaded', limit: limits.maxQueuedBytes })
      : undefined
