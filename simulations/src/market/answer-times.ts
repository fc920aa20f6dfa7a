import type { Random } from '../kernel/random.ts'
import { lognormal } from '../market-selection/market-plan.ts'
import { WEAK_SPEED } from './machine-hours.ts'
import type { ProviderPlan } from './plan.ts'
import type { TraceRequest } from './trace.ts'

/** One batch shares the memory: each answer of a full machine takes this much longer. */
export const SLOWER_WHEN_FULL = 0.3
const NOISE = 0.2

/** How fast an answer will come, and where it breaks; ms. */
export interface AnswerTimes {
  readonly firstMs: number
  readonly tokenMs: number
  /** After which the engine fails; infinite where it does not. */
  readonly failsAfterMs: number
}

/** @param busy answers that the machine makes, this one among them */
export function answerTimes(
  plan: ProviderPlan,
  { inputTokens, outputTokens }: TraceRequest,
  busy: number,
  random: Random,
): AnswerTimes {
  const weak = plan.cheat === 'weak-model' ? WEAK_SPEED : 1
  const load = 1 + (SLOWER_WHEN_FULL * (busy - 1)) / Math.max(1, plan.facts.slots - 1)
  const reading = (1_000 * inputTokens) / (plan.prefill * weak)
  const firstMs = (plan.baseMs + load * reading) * lognormal(random, NOISE)
  const tokenMs = (load * 1_000) / (plan.speed * weak)
  const fails = random.chance(plan.facts.failureRate)
  const failsAfterMs = fails
    ? random.float() * (firstMs + outputTokens * tokenMs)
    : Number.POSITIVE_INFINITY
  return { firstMs, tokenMs, failsAfterMs }
}
