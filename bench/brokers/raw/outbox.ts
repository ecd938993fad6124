/** A producer that has one batch in flight; what comes meanwhile makes the next one. */
import type { Message, Producer } from 'kafkajs'

const BATCH = 500

export interface Outbox {
  /** `sent` is told when the broker has the message, or that it has not. */
  readonly add: (message: Message, sent: (error?: Error) => void) => void
}

/** Messages without a partition get one a batch, each batch the next. */
export const outbox = (producer: Producer, topic: string, partitions: number): Outbox => {
  let messages: Array<Message> = []
  let waiting: Array<(error?: Error) => void> = []
  let busy = false
  let turn = 0

  const send = async (): Promise<void> => {
    while (messages.length > 0) {
      const batch = messages.slice(0, BATCH)
      const told = waiting.slice(0, BATCH)
      messages = messages.slice(BATCH)
      waiting = waiting.slice(BATCH)
      const partition = (turn += 1) % partitions
      try {
        await producer.sendBatch({
          acks: -1,
          topicMessages: [{ topic, messages: batch.map((message) => ({ partition, ...message })) }],
        })
        for (const tell of told) tell()
      } catch (error) {
        for (const tell of told) tell(error as Error)
      }
    }
    busy = false
  }

  return {
    add: (message, sent) => {
      messages.push(message)
      waiting.push(sent)
      if (busy) return
      busy = true
      setImmediate(() => void send())
    },
  }
}
