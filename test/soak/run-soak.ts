import { setTimeout as sleep } from 'node:timers/promises'
import { Disturbances } from './disturbances.ts'
import { type Ask, HonestLoad } from './honest-load.ts'
import { randomFrom } from './random.ts'
import { PROVIDERS, SoakMarket } from './soak-market.ts'
import { Strangers } from './strangers.ts'
import { type Holdings, holdingsOf, isIdle, type MemoryRow, Watch } from './watch.ts'

export interface SoakPlan {
  readonly minutes: number
  readonly seed: number
  readonly onProgress: (line: string) => void
}

export interface SoakResult {
  readonly minutes: number
  readonly seed: number
  readonly memory: readonly MemoryRow[]
  readonly series: ReturnType<Watch['series']>
  readonly asks: readonly Ask[]
  readonly skipped: number
  readonly strangers: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly disturbances: Readonly<Record<string, number>>
  /** By provider: what it counted itself. */
  readonly counted: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly before: Holdings
  readonly after: Holdings
  readonly idle: boolean
  readonly idleAfterSeconds: number
  /** Daemons that ended, warnings, exceptions, errors in the logs. */
  readonly complaints: readonly string[]
}

/** Requests a second, of clients that behave. */
const LOAD = [
  { provider: 'provider', perSecond: 6, tokens: 40 },
  { provider: 'built-in', perSecond: 0.5, tokens: 8 },
] as const
const STRANGERS_PER_SECOND = 2
const IDENTITIES = 100
/** Longer than the longest timer of a session or a stream, which is a minute. */
const IDLE_MS = 90_000
const MODEL_MS = 60_000

const COUNTERS = [
  'hanse:orders_total',
  'hanse:sessions_total',
  'hanse:request_success_total',
  'hanse:request_failures_total',
  'hanse:order_rejections_total',
  'hanse:num_requests_running',
  'hanse:num_requests_waiting',
  'nodejs_heap_size_used_bytes',
  'nodejs_active_handles_total',
  'process_open_fds',
]

export async function runSoak({ minutes, seed, onProgress }: SoakPlan): Promise<SoakResult> {
  const random = randomFrom(seed)
  const lastMs = minutes * 60_000
  const watch = new Watch()
  onProgress('starting relay, engine, providers and gateway…')
  await using market = await SoakMarket.start((told) => watch.hear(told))
  await untilServed(market)
  const before = await holdingsOf(market)
  const short = lastMs < 60_000
  const disturbances = new Disturbances(market, random, {
    everyMs: short ? 2_000 : 12_000,
    lastMs: short ? 1_500 : 4_000,
    graceMs: 4_000,
  })
  const stop = new AbortController()
  const { signal } = stop
  const startedAt = performance.now()
  const loads = LOAD.map(({ provider, perSecond, tokens }) => {
    const isDisturbed = () => disturbances.active
    const { gatewayUrl } = market
    const model = market.modelOf(provider)
    return new HonestLoad({ gatewayUrl, model, perSecond, tokens, random, isDisturbed, startedAt })
  })
  const asks = () => loads.flatMap((load) => load.asks)
  const strangers = new Strangers({
    market,
    random,
    perSecond: STRANGERS_PER_SECOND,
    identities: IDENTITIES,
  })
  const running = Promise.all([
    ...loads.map(async (load) => await load.run(signal)),
    strangers.run(signal),
    disturbances.run(signal, lastMs / 5),
  ])
  while (performance.now() - startedAt < lastMs) {
    const left = lastMs - (performance.now() - startedAt)
    await Promise.race([sleep(Math.min(left, 30_000)), running])
    onProgress(progressOf(asks(), watch, (performance.now() - startedAt) / 1000))
    if (market.failed.length > 0) break
  }
  const memory = watch.rows()
  stop.abort()
  await running
  const stoppedAt = performance.now()
  const failed = market.failed
  const { after, idle } = await untilIdle(market, before, failed.length > 0)
  const idleAfterSeconds = (performance.now() - stoppedAt) / 1000
  const counted = failed.length > 0 ? {} : await counters(market)
  return {
    minutes,
    seed,
    memory,
    series: watch.series(),
    asks: asks(),
    skipped: loads.reduce((sum, load) => sum + load.skipped, 0),
    strangers: Object.fromEntries(
      [...strangers.tally].map(([name, counts]) => [name, Object.fromEntries(counts)]),
    ),
    disturbances: Object.fromEntries(disturbances.done),
    counted,
    before,
    after,
    idle,
    idleAfterSeconds,
    complaints: [
      ...failed.map((daemon) => `${daemon} has ended`),
      ...watch.complaints,
      ...market.logs().flatMap(({ name, text }) => complaintsOf(name, text)),
    ],
  }
}

/** What no log of a daemon should hold, whatever peers do. */
function complaintsOf(name: string, text: string): string[] {
  return text
    .split('\n')
    .filter((line) => BAD_LINE.test(line))
    .map((line) => `${name}: ${line.slice(0, 500)}`)
}

/** Levels 50 and 60 are errors and crashes. */
const BAD_LINE =
  /unhandled|uncaught|MaxListenersExceeded|\(node:\d+\)|"level":[56]0|HANSE_INTERNAL|AssertionError/iu

/** Both models have answered, and so have loaded what they need. */
async function untilServed(market: SoakMarket): Promise<void> {
  const until = performance.now() + MODEL_MS
  for (const provider of PROVIDERS) {
    for (;;) {
      const response = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: market.modelOf(provider),
          max_tokens: 4,
          messages: [{ role: 'user', content: 'hi' }],
        }),
      })
      const text = await response.text()
      if (response.ok) break
      if (performance.now() > until) throw new Error(`no answer of ${provider}: ${text}`)
      await sleep(250)
    }
  }
}

async function untilIdle(
  market: SoakMarket,
  before: Holdings,
  broken: boolean,
): Promise<{ after: Holdings; idle: boolean }> {
  if (broken) return { after: before, idle: false }
  for (const until = performance.now() + IDLE_MS; ; await sleep(500)) {
    const after = await holdingsOf(market)
    const idle = isIdle(after, before)
    if (idle || performance.now() > until) return { after, idle }
  }
}

async function counters(market: SoakMarket): Promise<SoakResult['counted']> {
  const all: Record<string, Record<string, number>> = {}
  for (const provider of PROVIDERS) {
    const metrics = await market.metrics(provider)
    all[provider] = Object.fromEntries(COUNTERS.map((name) => [name, metrics.get(name) ?? 0]))
  }
  return all
}

function progressOf(asks: readonly Ask[], watch: Watch, seconds: number): string {
  const served = asks.filter(({ outcome }) => outcome === 'served').length
  const memory = watch
    .rows()
    .filter(({ measure }) => measure !== 'live-external')
    .map(({ daemon, measure, last }) => `${daemon} ${measure} ${last.toFixed(0)}`)
  return `${seconds.toFixed(0)} s: ${served} of ${asks.length} served; MiB: ${memory.join(', ')}`
}
