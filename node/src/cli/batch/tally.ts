import { type HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import { z } from 'zod'

const answerSchema = z.object({
  usage: z
    .object({ prompt_tokens: z.number().default(0), completion_tokens: z.number().default(0) })
    .nullish(),
  hanse: z.object({ cost_pico_euro: z.string().regex(/^\d{1,30}$/u) }).nullish(),
})

/** How often something went wrong, and how it was said the first time. */
export interface FailureCount {
  readonly message: string
  readonly count: number
}

/** What a batch has come to so far. */
export class Tally {
  readonly total: number
  done = 0
  failed = 0
  inputTokens = 0
  outputTokens = 0
  /** By their codes. */
  readonly failures = new Map<string, FailureCount>()
  #answers = 0n
  #cut = 0n

  constructor(total: number) {
    this.total = total
  }

  /** Of all that was paid. */
  get cost(): PicoEuro {
    return picoEuro(this.#answers + this.#cut)
  }

  /** The part of it that bought no answer: of attempts that were cut or failed. */
  get cut(): PicoEuro {
    return picoEuro(this.#cut)
  }

  answered(body: unknown): void {
    this.done++
    const { data } = answerSchema.safeParse(body)
    this.inputTokens += data?.usage?.prompt_tokens ?? 0
    this.outputTokens += data?.usage?.completion_tokens ?? 0
    this.#answers += BigInt(data?.hanse?.cost_pico_euro ?? 0)
  }

  fail({ code, message }: HanseError): void {
    this.failed++
    const before = this.failures.get(code) ?? { message, count: 0 }
    this.failures.set(code, { ...before, count: before.count + 1 })
  }

  /** The gateway knows of all that was paid, also for what never came back. @param spent by its receipts */
  settle(spent: bigint): void {
    this.#cut = spent > this.#answers ? spent - this.#answers : 0n
  }
}
