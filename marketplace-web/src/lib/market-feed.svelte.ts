import { type Config, parseConfig } from './config.ts'
import { m } from './i18n.ts'
import { type Market, parseMarket } from './offer.ts'

/** A gateway on this machine answers in milliseconds; a far one gets time, yet fewer than it takes to doubt. */
const answerWithinMs = 4_000

/** The gateway's offers, asked for again every `everyMs` while the page can be seen. */
export class MarketFeed {
  market = $state.raw<Market>()
  config = $state.raw<Config>()
  /** Why the last attempt gave nothing. What was read before stays, and is marked as old. */
  fault = $state<string>()
  busy = $state(false)

  readonly #everyMs: number
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  /** Begins, and returns what ends it. Runs in a browser only. */
  start(): () => void {
    this.#running = true
    const onVisibility = () => {
      if (document.hidden) clearTimeout(this.#timer)
      else void this.refresh()
    }
    document.addEventListener('visibilitychange', onVisibility)
    void this.refresh()
    return () => {
      this.#running = false
      clearTimeout(this.#timer)
      document.removeEventListener('visibilitychange', onVisibility)
    }
  }

  async refresh(): Promise<void> {
    if (this.busy) return
    clearTimeout(this.#timer)
    this.busy = true
    try {
      this.config ??= await readConfig()
      this.market = await readMarket(this.config)
      this.fault = undefined
    } catch (cause) {
      this.fault =
        cause instanceof FeedFault ? cause.message : m.feed_unreachable({ who: m.who_gateway() })
    } finally {
      this.busy = false
      if (this.#running && !document.hidden) {
        this.#timer = setTimeout(() => void this.refresh(), this.#everyMs)
      }
    }
  }
}

class FeedFault extends Error {}

async function readConfig(): Promise<Config> {
  const config = parseConfig(await readJson('/config.json', m.who_site()))
  if (config === undefined) throw new FeedFault(m.feed_no_config())
  return config
}

async function readMarket(config: Config): Promise<Market> {
  const market = parseMarket(
    await readJson(`${config.gatewayUrl}/hanse/v1/offers`, m.who_gateway()),
  )
  if (market === undefined) {
    throw new FeedFault(m.feed_not_offers())
  }
  return market
}

async function readJson(url: string, who: string): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs), cache: 'no-store' })
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError'
    throw new FeedFault(late ? m.feed_late({ who }) : m.feed_unreachable({ who }), {
      cause,
    })
  }
  if (!response.ok) throw new FeedFault(m.feed_status({ who, status: String(response.status) }))
  try {
    return await response.json()
  } catch (cause) {
    throw new FeedFault(m.feed_not_json({ who }), { cause })
  }
}
