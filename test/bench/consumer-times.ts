// The same in a page and in Node: what a consumer takes for its first steps on the market.
import { type ConsumerOptions, createConsumer, type HanseConsumer } from '@hanse/node/consumer'

export interface FirstSteps {
  /** Until it is in the network, ms. */
  readonly join: number
  /** Until it has found a provider in the DHT and has its offer. */
  readonly find: number
  /** Until the first token of the first answer. */
  readonly cold: number
  /** The same of the answers after it. */
  readonly warm: readonly number[]
}

/** Of an answer, which comes as fast as it can. */
export const TOKENS = 16
const MESSAGES = [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }] as const

/** A new consumer, from nothing to so many answers. */
export async function firstSteps(
  options: ConsumerOptions,
  model: string,
  answers: number,
): Promise<FirstSteps> {
  const began = performance.now()
  const consumer = await createConsumer(options)
  try {
    const joined = performance.now()
    const { candidates } = await consumer.offers(model)
    if (candidates.length === 0) throw new Error('no provider was found')
    const found = performance.now()
    const cold = await firstToken(consumer, model)
    const warm: number[] = []
    for (let i = 0; i < answers; i++) warm.push(await firstToken(consumer, model))
    return { join: joined - began, find: found - joined, cold, warm }
  } finally {
    await consumer.close()
  }
}

/** Asks for an answer and reads it to its end. @returns when its first token came, ms */
export async function firstToken(consumer: HanseConsumer, model: string): Promise<number> {
  const began = performance.now()
  const stream = await consumer.chat({ model, messages: [...MESSAGES], max_tokens: TOKENS })
  let firstMs = Number.NaN
  for await (const { choices } of stream)
    if (Number.isNaN(firstMs) && (choices[0]?.delta.content ?? '') !== '')
      firstMs = performance.now() - began
  // The session is over with its last receipt: the next one does not wait for it.
  await stream.bill
  if (Number.isNaN(firstMs)) throw new Error('an answer without a token')
  return firstMs
}
