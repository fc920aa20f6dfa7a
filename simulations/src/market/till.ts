import type { Prices } from '@hanse/protocol'
import { feeOf } from '@hanse/settlement/rules'
import type { Account } from './account.ts'
import { SLOWER_WHEN_FULL } from './answer-times.ts'
import type { ProviderPlan } from './plan.ts'
import type { TraceRequest } from './trace.ts'
import type { StreamEnd } from './window-stream.ts'

const PICO = 1e12
const HOUR_MS = 3_600_000

/** Writes into an account what sessions come to. */
export class Till {
  readonly #account: Account
  readonly #plan: ProviderPlan
  readonly #feeBps: number

  constructor(account: Account, plan: ProviderPlan, feeBps: number) {
    this.#account = account
    this.#plan = plan
    this.#feeBps = feeBps
  }

  /** An answer has begun. */
  begun(now: number): void {
    const account = this.#account
    account.jobs++
    account.firstJobAt ??= now
    if (now < this.#plan.comesAtMs + HOUR_MS) account.earlyJobs++
  }

  /** @param price of a token of the answer */
  earned({ signed, tokens }: StreamEnd, price: bigint): void {
    const account = this.#account
    account.gross += Number(signed) / PICO
    account.fee += Number(feeOf(signed, this.#feeBps)) / PICO
    account.outputTokens += tokens
    const left = Number(price) * (1 - this.#feeBps / 10_000)
    if (left < this.#powerOfAToken()) account.belowPowerTokens += tokens
  }

  defaulted(
    { unsigned, whole }: StreamEnd,
    { inputTokens, outputTokens }: TraceRequest,
    { inputPrice, outputPrice }: Prices,
  ): void {
    const account = this.#account
    const asked = inputTokens * Number(inputPrice) + outputTokens * Number(outputPrice)
    account.defaults++
    if (whole) account.freeAnswers++
    account.withheld += Number(unsigned) / PICO
    account.asked += asked / PICO
  }

  /** What the electricity of a token of an answer costs with all slots busy: the least it can be; pico-euro. */
  #powerOfAToken(): number {
    const { facts, speed } = this.#plan
    const perSecond = (speed * facts.slots) / (1 + SLOWER_WHEN_FULL)
    return ((Number(facts.tariff) * facts.watts) / 3_600_000 / perSecond) * PICO
  }
}
