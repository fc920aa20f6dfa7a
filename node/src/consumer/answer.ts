import type { PicoEuro } from '@hanse/protocol'
import type { SessionOutcome } from './session-client.ts'

/** One session that gave an answer, or a part of it. */
export interface AnswerPart {
  /** CID of the order. */
  readonly session: string
  readonly provider: string
  readonly country: string
  /** Id of the model, as it is offered. */
  readonly model: string
  /** As they were agreed on, pico-euro per token. */
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly outcome: Promise<SessionOutcome>
}

/** An answer that has begun. What it says of itself is of the part that began it. */
export interface Answer extends AnswerPart {
  /** OpenAI chunks, JSON bytes, byte for byte as engines made them. Throws a HanseError when the answer is not whole. */
  readonly payloads: AsyncIterable<readonly Uint8Array[]>
  /** Sessions that the answer is made of, in order; grows when another provider goes on with it. */
  readonly parts: readonly AnswerPart[]
  /** Every session that this answer costs something for, providers that lost a race among them, once all have ended. */
  readonly bill: Promise<Bill>
  cancel(): void
}

export interface Bill {
  readonly sessions: readonly SessionOutcome[]
  /** By the last receipts that both sides signed, pico-euro. */
  readonly amount: PicoEuro
}

/** The same answer, whose payloads are looked at on their way. */
export function withPayloads(answer: Answer, payloads: Answer['payloads']): Answer {
  const { session, provider, country, model, inputPrice, outputPrice, outcome } = answer
  return {
    session,
    provider,
    country,
    model,
    inputPrice,
    outputPrice,
    outcome,
    payloads,
    // It grows while the answer goes on.
    get parts() {
      return answer.parts
    },
    bill: answer.bill,
    cancel: () => answer.cancel(),
  }
}
