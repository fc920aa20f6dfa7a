import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { z } from 'zod'

const answerSchema = z.object({
  usage: z
    .object({ prompt_tokens: z.number().default(0), completion_tokens: z.number().default(0) })
    .nullish(),
  hanse: z.object({ cost_pico_euro: z.string().regex(/^\d{1,30}$/u) }).nullish(),
})

/** What a batch has come to so far. */
export class Tally {
  readonly total: number
  done = 0
  failed = 0
  inputTokens = 0
  outputTokens = 0
  #cost = 0n

  constructor(total: number) {
    this.total = total
  }

  get cost(): PicoEuro {
    return picoEuro(this.#cost)
  }

  answered(body: unknown): void {
    this.done++
    const { data } = answerSchema.safeParse(body)
    this.inputTokens += data?.usage?.prompt_tokens ?? 0
    this.outputTokens += data?.usage?.completion_tokens ?? 0
    this.#cost += BigInt(data?.hanse?.cost_pico_euro ?? 0)
  }

  fail(): void {
    this.failed++
  }
}
