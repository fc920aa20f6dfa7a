import type { PicoEuro } from '@hanse/protocol'

// What the demo organization does, always the same for the same days: rules without I/O.

export const DAYS = 90
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

export const MODELS = {
  'qwen/qwen3-8b:q4_k_m': { input: 200_000n, output: 600_000n },
  'mistralai/mistral-small-24b:q4_k_m': { input: 350_000n, output: 1_050_000n },
  'meta-llama/llama-3.3-70b:q4_k_m': { input: 900_000n, output: 2_700_000n },
} as const satisfies Record<string, { readonly input: bigint; readonly output: bigint }>
export type DemoModel = keyof typeof MODELS

export const PROVIDERS = [
  { name: 'Frankfurt', country: 'DE' },
  { name: 'Rotterdam', country: 'NL' },
  { name: 'Lyon', country: 'FR' },
] as const

/** Keys with what they are for. `sessions` are of a working day; there are a little more each day. */
export const KEYS = [
  {
    name: 'assistant',
    team: 'product',
    tags: ['chat', 'production'],
    model: 'meta-llama/llama-3.3-70b:q4_k_m',
    sessions: 10,
  },
  {
    name: 'search',
    team: 'product',
    tags: ['search', 'production'],
    model: 'qwen/qwen3-8b:q4_k_m',
    sessions: 7,
  },
  {
    name: 'documents',
    team: 'platform',
    tags: ['documents'],
    model: 'mistralai/mistral-small-24b:q4_k_m',
    sessions: 4,
  },
  { name: 'ci', team: 'platform', tags: ['ci'], model: 'qwen/qwen3-8b:q4_k_m', sessions: 3 },
] as const satisfies readonly {
  readonly name: string
  readonly team: string
  readonly tags: readonly string[]
  readonly model: DemoModel
  readonly sessions: number
}[]

export const MEMBERS = [
  { name: 'Ada Brandt', email: 'ada@demo.example', role: 'owner' },
  { name: 'Jonas Petersen', email: 'jonas@demo.example', role: 'admin' },
  { name: 'Mila Novak', email: 'mila@demo.example', role: 'developer' },
  { name: 'Clara Weiss', email: 'clara@demo.example', role: 'billing' },
] as const

export interface DemoSession {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Which of `KEYS`. */
  readonly key: number
  readonly provider: number
  readonly model: DemoModel
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly price: { readonly input: PicoEuro; readonly output: PicoEuro }
  /** What came of it, where somebody said. */
  readonly outcome: { readonly good: boolean; readonly score: number } | undefined
}

/** A day on which one key does five times as much as usual: something for the anomalies to find. */
const BURST = { day: DAYS - 12, key: 3, factor: 5 }

/** Sessions of one day, in their order. @param day begin of it, milliseconds since 1970 @param number from 0 */
export function sessionsOf(day: number, number: number): DemoSession[] {
  const random = mulberry32(number + 1)
  const weekday = new Date(day).getUTCDay()
  const isFree = weekday === 0 || weekday === 6
  const sessions = KEYS.flatMap(({ model, sessions: usual }, key) => {
    const burst = number === BURST.day && key === BURST.key ? BURST.factor : 1
    const share = (isFree ? 0.35 : 1) * (1 + number / 300) * (0.8 + random() * 0.4) * burst
    return Array.from({ length: Math.max(1, Math.round(usual * share)) }, () => {
      const score = Math.round((0.55 + random() * 0.44) * 100) / 100
      const tokens = 4_000 + Math.floor(random() * 56_000)
      return {
        at: day + 6 * HOUR_MS + Math.floor(random() * 15 * HOUR_MS),
        key,
        provider: (key + Math.floor(random() * 2)) % PROVIDERS.length,
        model,
        inputTokens: BigInt(tokens),
        outputTokens: BigInt(300 + Math.floor(tokens * random() * 0.15)),
        price: MODELS[model] as DemoSession['price'],
        outcome: random() < 0.3 ? { good: score > 0.65, score } : undefined,
      }
    })
  })
  return sessions.toSorted((a, b) => a.at - b.at)
}

/** What the organization buys elsewhere on a day, as LiteLLM logs it. */
export function elsewhereOf(day: number, number: number): object[] {
  const random = mulberry32(10_000 + number)
  const models = [
    { model: 'gpt-4o', provider: 'openai', per: 6.2 },
    { model: 'claude-sonnet-4', provider: 'anthropic', per: 7.4 },
  ]
  return models.map(({ model, provider, per }, i) => {
    const tokens = 20_000 + Math.floor(random() * 90_000)
    return {
      request_id: `demo-${number}-${i}`,
      startTime: new Date(day + (8 + i) * HOUR_MS).toISOString(),
      model,
      custom_llm_provider: provider,
      prompt_tokens: tokens,
      completion_tokens: Math.floor(tokens / 8),
      spend: Math.round(tokens * per) / 1e6,
      request_tags: ['research'],
    }
  })
}

export const dayOf = (now: number, number: number): number =>
  Math.floor(now / DAY_MS) * DAY_MS - (DAYS - number) * DAY_MS

/** Small and repeatable: nothing here must be hard to guess. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
