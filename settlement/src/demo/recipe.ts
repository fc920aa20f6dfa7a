import { type PicoEuro, picoEuro } from '@hanse/protocol'
import type { Engine } from './converse.ts'

// What the demo organization does, always the same for the same days: rules without I/O.

export const DAYS = 90
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Prices in pico-euro a token, and how fast a usual GPU is with it. */
export const MODELS = {
  'qwen/qwen3-8b:q4_k_m': model(200_000n, 600_000n, 180, 11),
  'mistralai/mistral-small-24b:q4_k_m': model(350_000n, 1_050_000n, 340, 19),
  'meta-llama/llama-3.3-70b:q4_k_m': model(900_000n, 2_700_000n, 720, 34),
}
function model(input: bigint, output: bigint, firstMs: number, msPerToken: number) {
  return { price: { input: picoEuro(input), output: picoEuro(output) }, firstMs, msPerToken }
}
export type DemoModel = keyof typeof MODELS

/** `pace` is how long they take, of what is usual; of a thousand answers their engine breaks off so many. */
export const PROVIDERS = [
  { name: 'Frankfurt', country: 'DE', pace: 0.8, failures: 2 },
  { name: 'Rotterdam', country: 'NL', pace: 1, failures: 4 },
  { name: 'Lyon', country: 'FR', pace: 1.35, failures: 15 },
] as const

/** Of a thousand answers, so many are left by who asked, and so many reach the length that was asked for. */
const LEFT = 20
const CUT = 35

/** Keys with what they are for. `sessions` are of a working day; there are a little more each day. */
export const KEYS = [
  {
    name: 'assistant',
    team: 'product',
    tags: ['chat', 'production'],
    feature: 'chat',
    prompts: ['assistant-6', 'assistant-7'],
    users: 14,
    model: 'meta-llama/llama-3.3-70b:q4_k_m',
    sessions: 10,
  },
  {
    name: 'search',
    team: 'product',
    tags: ['search', 'production'],
    feature: 'search',
    prompts: ['search-3'],
    users: 9,
    model: 'qwen/qwen3-8b:q4_k_m',
    sessions: 7,
  },
  {
    name: 'documents',
    team: 'platform',
    tags: ['documents'],
    feature: 'summaries',
    prompts: ['summary-2', 'summary-3'],
    users: 0,
    model: 'mistralai/mistral-small-24b:q4_k_m',
    sessions: 4,
  },
  {
    name: 'ci',
    team: 'platform',
    tags: ['ci'],
    feature: 'tests',
    prompts: [],
    users: 0,
    model: 'qwen/qwen3-8b:q4_k_m',
    sessions: 3,
  },
] as const satisfies readonly DemoKey[]

interface DemoKey {
  readonly name: string
  readonly team: string
  readonly tags: readonly string[]
  /** What its requests say they are for. */
  readonly feature: string
  /** Versions of its prompt: the last one since the middle of the time. */
  readonly prompts: readonly string[]
  /** How many end users it is asked for; nobody is named where there are none. */
  readonly users: number
  readonly model: DemoModel
  readonly sessions: number
}

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
  readonly engine: Engine
  readonly price: { readonly input: PicoEuro; readonly output: PicoEuro }
  /** What the gateway says of it: `feature:chat`, `prompt:assistant-7`, and whom it was for. */
  readonly tags: readonly string[]
  readonly user: string | null
  /** What came of it, where somebody said. */
  readonly outcome: { readonly good: boolean; readonly score: number } | undefined
}

/** A day on which one key does five times as much as usual: something for the anomalies to find. */
const BURST = { day: DAYS - 12, key: 3, factor: 5 }

/** Sessions of one day, in their order. @param day begin of it, milliseconds since 1970 @param number from 0 */
export function sessionsOf(day: number, number: number): DemoSession[] {
  const random = mulberry32(number + 1)
  const going = mulberry32(20_000 + number)
  const weekday = new Date(day).getUTCDay()
  const isFree = weekday === 0 || weekday === 6
  const sessions = KEYS.flatMap((of, key) => {
    const { model, sessions: usual } = of
    const burst = number === BURST.day && key === BURST.key ? BURST.factor : 1
    const share = (isFree ? 0.35 : 1) * (1 + number / 300) * (0.8 + random() * 0.4) * burst
    return Array.from({ length: Math.max(1, Math.round(usual * share)) }, () => {
      const score = Math.round((0.55 + random() * 0.44) * 100) / 100
      const tokens = 4_000 + Math.floor(random() * 56_000)
      const at = day + 6 * HOUR_MS + Math.floor(random() * 15 * HOUR_MS)
      const provider = (key + Math.floor(random() * 2)) % PROVIDERS.length
      const outputTokens = 300 + Math.floor(tokens * random() * 0.15)
      return {
        at,
        key,
        provider,
        model,
        inputTokens: BigInt(tokens),
        engine: engineOf(model, provider, outputTokens, going),
        price: MODELS[model].price,
        ...saidOf(of, number, going),
        outcome: random() < 0.3 ? { good: score > 0.65, score } : undefined,
      }
    })
  })
  return sessions.toSorted((a, b) => a.at - b.at)
}

function engineOf(model: DemoModel, provider: number, most: number, random: () => number): Engine {
  const { pace = 1, failures = 0 } = PROVIDERS[provider] ?? {}
  const { firstMs, msPerToken } = MODELS[model]
  const chance = random() * 1_000
  const ending = endingOf(chance, failures)
  const isWhole = ending === 'completed' || ending === 'length'
  // A queue now and then: the slowest of twenty wait for several times as long.
  const waited = random() ** 6 * 5 + 0.8 + random() * 0.4
  return {
    outputTokens: isWhole ? most : Math.max(20, Math.floor(most * random())),
    firstMs: Math.round(firstMs * pace * waited),
    msPerToken: msPerToken * pace * (0.9 + random() * 0.3),
    ending,
  }
}

function endingOf(chance: number, failures: number): Engine['ending'] {
  if (chance < failures) return 'engine-failed'
  if (chance < failures + LEFT) return 'cancelled'
  return chance < failures + LEFT + CUT ? 'length' : 'completed'
}

function saidOf(
  { team, feature, prompts, users }: DemoKey,
  number: number,
  random: () => number,
): Pick<DemoSession, 'tags' | 'user'> {
  const prompt = number < DAYS / 2 ? prompts[0] : prompts.at(-1)
  const tags = [`team:${team}`, `feature:${feature}`]
  // Some of them ask much more than others.
  const user = Math.floor(random() ** 2 * users)
  return {
    tags: prompt === undefined ? tags : [...tags, `prompt:${prompt}`],
    user: users === 0 ? null : `u-${1_001 + user * 37}`,
  }
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
