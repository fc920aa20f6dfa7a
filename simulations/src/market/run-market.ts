import { Kernel } from '../kernel/index.ts'
import { arrivalsOf, dayCurve, flatCurve } from './arrivals.ts'
import { ConsumerAgent, type Snapshot } from './consumer-agent.ts'
import { type MarketOutcome, outcomeOf } from './outcome.ts'
import { type MarketShape, planConsumers, planProviders } from './plan.ts'
import type { MarketOffer } from './production.ts'
import { ProviderAgent } from './provider-agent.ts'
import type { PriceSample, Sample } from './samples.ts'
import { wallTime } from './virtual-time.ts'

const HOUR_MS = 3_600_000
/** As the directory of a node does: offers are asked for again once they are so old. */
const REFRESH_MS = 10_000
/** Prices follow the load of minutes: looking more often changes nothing. */
const LOOK_MS = 60_000
const ADVICE_MS = HOUR_MS / 2
const SAMPLE_MS = 10 * 60_000
const DRAIN_MS = 15 * 60_000
const PICO_PER_EURO_MTOK = 1e6
/** A day of every kind of consumer, and what may follow from each request. */
const EVENTS_MAX = 50_000_000

/** One market in virtual time. The same shape gives the same outcome. */
export async function runMarket(shape: MarketShape): Promise<MarketOutcome> {
  const market = new Market(shape)
  await market.run()
  return market.outcome()
}

class Market {
  readonly #shape: MarketShape
  readonly #kernel: Kernel
  readonly #providers = new Map<string, ProviderAgent>()
  readonly #consumers: readonly ConsumerAgent[]
  readonly #samples: Sample[] = []
  readonly #prices: PriceSample[] = []
  #snapshot: Snapshot = { offers: [] }

  constructor(shape: MarketShape) {
    this.#shape = shape
    this.#kernel = new Kernel(shape.seed)
    const { random } = this.#kernel
    for (const plan of planProviders(shape, random.fork('providers')))
      if (plan.comesAtMs === 0) this.#open(plan)
      else this.#kernel.at(plan.comesAtMs, () => this.#open(plan))
    const providers = this.#providers
    const snapshot = () => this.#snapshot
    this.#consumers = planConsumers(shape, random.fork('consumers')).map(
      (plan) => new ConsumerAgent(plan, shape, this.#kernel, { providers, snapshot }),
    )
  }

  async run(): Promise<void> {
    const { hours } = this.#shape
    const end = hours * HOUR_MS
    this.#every(REFRESH_MS, end, () => this.#refresh())
    this.#every(LOOK_MS, end, () => this.#look())
    this.#every(ADVICE_MS, end, () => this.#advise())
    this.#every(SAMPLE_MS, end, () => this.#sample())
    this.#every(HOUR_MS, end, () => this.#judge())
    this.#arrive()
    await this.#kernel.runAllUntil(end + DRAIN_MS)
    if (this.#kernel.steps > EVENTS_MAX) throw new Error('a market without an end')
  }

  outcome(): MarketOutcome {
    return outcomeOf({
      shape: this.#shape,
      providers: [...this.#providers.values()],
      consumers: this.#consumers,
      samples: this.#samples,
      prices: this.#prices,
    })
  }

  #open(plan: ConstructorParameters<typeof ProviderAgent>[0]): void {
    const provider = new ProviderAgent(plan, this.#shape, this.#kernel, this.#offersOf(plan.name))
    this.#providers.set(plan.name, provider)
  }

  #arrive(): void {
    const { from, hours, rate, batchShare } = this.#shape
    for (const kind of ['interactive', 'batch'] as const) {
      const random = this.#kernel.random.fork(`arrivals ${kind}`)
      const share = kind === 'batch' ? batchShare : 1 - batchShare
      const curve = kind === 'batch' ? flatCurve : dayCurve
      const own = this.#consumers.filter(({ plan }) => plan.kind === kind)
      for (const request of arrivalsOf({ from, hours, rate: rate * share, curve }, random)) {
        const consumer = random.pick(own)
        this.#kernel.at(request.at, () => {
          consumer
            .request(request)
            .then((sample) => this.#samples.push(sample))
            .catch((error: unknown) => this.#kernel.fail(error))
          this.#kernel.stir()
        })
      }
    }
  }

  #refresh(): void {
    const fetchedAt = wallTime(this.#shape, this.#kernel.now)
    this.#snapshot = {
      offers: this.#openOnes().map((provider) => ({
        offer: provider.offer(),
        attestations: [],
        fetchedAt,
      })),
    }
  }

  #look(): void {
    for (const provider of this.#providers.values()) provider.look(LOOK_MS)
  }

  /** Owners look at different times of the half hour: they do not all chase the same median at once. */
  #advise(): void {
    const providers = [...this.#providers.values()]
    providers.forEach((provider, i) => {
      this.#kernel.after((ADVICE_MS * i) / providers.length, () => {
        const others = this.#offersOf(provider.plan.name)
        provider.followAdvice(others, others)
      })
    })
  }

  #judge(): void {
    if (this.#kernel.now === 0) return
    for (const provider of this.#providers.values()) provider.judgeTheHour()
  }

  #sample(): void {
    const asked = this.#openOnes()
      .map((provider) => Number(provider.prices.outputPrice) / PICO_PER_EURO_MTOK)
      .sort((a, b) => a - b)
    const at = (share: number) =>
      asked[Math.min(asked.length - 1, Math.floor(share * asked.length))] ?? 0
    this.#prices.push({
      at: this.#kernel.now,
      p10: at(0.1),
      median: at(0.5),
      p90: at(0.9),
      open: asked.length,
    })
  }

  #openOnes(): ProviderAgent[] {
    return [...this.#providers.values()].filter(({ isOpen }) => isOpen)
  }

  #offersOf(without: string): MarketOffer[] {
    return this.#openOnes()
      .filter(({ plan }) => plan.name !== without)
      .map(({ marketOffer }) => marketOffer)
  }

  #every(ms: number, end: number, run: () => void): void {
    for (let at = 0; at < end; at += ms) this.#kernel.at(at, run)
  }
}
