import { regionsOf } from '@hanse/protocol'
import { Random } from '../kernel/random.ts'
import { nearest, type Place } from './ids.ts'
import { KAD_DHT, type KadRules } from './kad-rules.ts'
import { Lookups } from './lookup.ts'
import { LOOKUP_MS, RENEW_MS, REPROVIDE } from './production-rules.ts'
import { randomPlace } from './random-place.ts'
import { type RecordRules, Records } from './records.ts'
import { awayMs, ONLINE_SHARE, residualMs, sessionMs } from './sessions.ts'
import { bootstrapsOf, meetOthers } from './settle.ts'
import { mean, quantile } from './statistics.ts'
import { TimeHeap } from './time-heap.ts'
import { buildWorld, type World } from './world.ts'

/**
 * What a provider of one model asks the network for in five minutes: its offer and a record for each of its keys every
 * `RENEW_MS`. It is more than half of all questions, and what fills the tables.
 */
const SALES_PER_ROUND = Math.round(
  ((2 * regionsOf('DE').length + 1) * KAD_DHT.refreshMs) / RENEW_MS,
)
/** With that, a look at itself and one at a random place (`query-self.ts`, `routing-table/refresh.ts`). */
const LOOKUPS_PER_ROUND = SALES_PER_ROUND + 2
/** Lookups by which the traffic of maintenance is measured. */
const PROBES = 50
/** A lookup of a provider or of maintenance ends by itself long before this. */
const QUERY_MS = 20_000

export interface ChurnPlan {
  readonly seed: string
  /** Identities, of which two thirds are there at a time. */
  readonly peers: number
  readonly hours: number
  /** Not counted: tables and records settle. */
  readonly warmUpHours: number
  readonly keys: number
  readonly providersPerKey: number
  readonly looksPerHour: number
  readonly records?: RecordRules
  /** How often a provider tells its records again; never when `undefined`. */
  readonly renewMs?: number | undefined
  /** Whether peers look after their tables once they have joined. */
  readonly maintains?: boolean
  /** Tables come from real lookups and chance meetings, one by one. Slow: for small networks. */
  readonly learned?: boolean
  readonly rules?: Partial<KadRules>
}

export const CHURN: Omit<ChurnPlan, 'seed'> = {
  peers: 10_000,
  hours: 6,
  warmUpHours: 3,
  keys: 20,
  providersPerKey: 10,
  looksPerHour: 200,
  records: REPROVIDE,
  renewMs: RENEW_MS,
  maintains: true,
}

export interface ChurnOutcome {
  readonly looks: number
  /** Share of look-ups that named a provider that was there, within the patience of a consumer. */
  readonly success: number
  /** Share of the providers that were there that were named. */
  readonly recall: number
  /** Share of those named that had gone. */
  readonly staleListed: number
  /** Share of the contacts in tables that had gone. */
  readonly staleContacts: number
  readonly contacts: number
  readonly nearestFound: number
  readonly askedMean: number
  readonly failedShare: number
  readonly firstProviderP50: number
  readonly firstProviderP95: number
}

/** What is to happen to a peer or a provider; the number in the heap is `subject * KINDS + kind`. */
const EVENTS = { toggle: 0, maintain: 1, renew: 2, look: 3 } as const
const KINDS = 4

/** Peers come and go, providers tell their records again, tables are looked after, and consumers look. */
export function runChurn(plan: ChurnPlan): ChurnOutcome {
  return new Churn(plan).run()
}

class Churn {
  readonly #plan: ChurnPlan
  readonly #world: World
  readonly #lookups: Lookups
  readonly #heap = new TimeHeap()
  readonly #since: Float64Array
  readonly #records: readonly { readonly place: Place; readonly held: Records }[]
  /** Provider `i` sells what is listed under key `i % keys`. */
  readonly #providers: readonly number[]
  readonly #draw: Random
  readonly #looks: Look[] = []
  /** Others that a peer hears of in a round for each bucket: as many ask it as it asks, and who asks is there. */
  readonly #heard: number
  #now = 0

  constructor(plan: ChurnPlan) {
    this.#plan = plan
    const { seed, peers, keys, providersPerKey, learned = false, rules = {} } = plan
    this.#draw = new Random(`${seed}/churn`)
    this.#world = buildWorld({
      seed: `${seed}/churn/world`,
      peers,
      rules,
      learned,
      onlineShare: ONLINE_SHARE,
    })
    this.#lookups = new Lookups(this.#world, this.#draw.fork('ways'))
    this.#since = new Float64Array(peers)
    const places = this.#draw.fork('keys')
    this.#records = Array.from({ length: keys }, () => ({
      place: randomPlace(places),
      held: new Records(plan.records ?? REPROVIDE, this.#since),
    }))
    this.#providers = Array.from({ length: keys * providersPerKey }, () =>
      places.between(0, peers - 1),
    )
    this.#heard = learned ? 0 : this.#measureHeard()
    this.#plant()
  }

  #measureHeard(): number {
    const draw = this.#draw.fork('probes')
    const asked = Array.from({ length: PROBES }, () => {
      const from = this.#somebody(draw)
      return this.#lookups.run({ from, place: randomPlace(draw), deadlineMs: QUERY_MS }).asked
    })
    return Math.max(1, Math.round((LOOKUPS_PER_ROUND * mean(asked)) / this.#world.tables.buckets))
  }

  #somebody(draw: Random): number {
    const { ids, isOnline } = this.#world
    for (;;) {
      const peer = draw.between(0, ids.count - 1)
      if (isOnline(peer)) return peer
    }
  }

  #plant(): void {
    const { peers, looksPerHour } = this.#plan
    const draw = this.#draw.fork('first')
    const bootstraps = new Set(bootstrapsOf(peers))
    for (const peer of bootstraps) this.#world.online[peer] = 1
    for (let peer = 0; peer < peers; peer++) {
      const isThere = this.#world.isOnline(peer)
      if (!bootstraps.has(peer))
        this.#schedule(isThere ? residualMs(draw) : awayMs(draw), EVENTS.toggle, peer)
      this.#schedule(draw.float() * KAD_DHT.refreshMs, EVENTS.maintain, peer)
    }
    for (const provider of this.#providers.keys())
      this.#schedule(draw.float() * KAD_DHT.refreshMs, EVENTS.renew, provider)
    if (looksPerHour > 0) this.#schedule(0, EVENTS.look, 0)
  }

  #schedule(inMs: number, kind: number, subject: number): void {
    this.#heap.push(this.#now + inMs, subject * KINDS + kind)
  }

  run(): ChurnOutcome {
    const end = this.#plan.hours * 3_600_000
    for (let event = this.#heap.pop(); event >= 0; event = this.#heap.pop()) {
      if (this.#heap.time > end) break
      this.#now = this.#heap.time
      const subject = Math.floor(event / KINDS)
      const kind = event % KINDS
      if (kind === EVENTS.toggle) this.#toggle(subject)
      else if (kind === EVENTS.maintain) this.#maintain(subject)
      else if (kind === EVENTS.renew) this.#renew(subject)
      else this.#look()
    }
    return this.#outcome()
  }

  #toggle(peer: number): void {
    const { online, isOnline } = this.#world
    const comes = !isOnline(peer)
    online[peer] = comes ? 1 : 0
    this.#schedule(comes ? sessionMs(this.#draw) : awayMs(this.#draw), EVENTS.toggle, peer)
    if (comes) this.#join(peer)
  }

  /** A node that starts knows its bootstrap alone; its first look at itself fills the table. Its records are gone. */
  #join(peer: number): void {
    const { tables, isOnline } = this.#world
    this.#since[peer] = this.#now
    tables.clear(peer)
    if (this.#plan.learned !== true) {
      tables.hear(peer, this.#heard, this.#draw, isOnline)
    } else this.#learnAt(peer)
    // What it sells it tells at once.
    for (const [i, provider] of this.#providers.entries()) if (provider === peer) this.#provide(i)
  }

  #maintain(peer: number): void {
    this.#schedule(KAD_DHT.refreshMs, EVENTS.maintain, peer)
    const { tables, isOnline } = this.#world
    if (this.#plan.maintains === false || !isOnline(peer)) return
    if (this.#plan.learned === true) this.#learnAt(peer)
    else tables.hear(peer, this.#heard, this.#draw, isOnline)
  }

  #learnAt(peer: number): void {
    const meeting = { world: this.#world, lookups: this.#lookups, random: this.#draw }
    meetOthers(meeting, peer, { further: SALES_PER_ROUND, now: this.#now })
  }

  /** Providers are told of once; without `renewMs` never again, though they stay. */
  #renew(provider: number): void {
    const { renewMs } = this.#plan
    if (this.#world.isOnline(this.#providers[provider] as number)) this.#provide(provider)
    if (renewMs !== undefined) this.#schedule(renewMs, EVENTS.renew, provider)
  }

  #provide(provider: number): void {
    const from = this.#providers[provider] as number
    const key = this.#records[provider % this.#records.length]
    if (key === undefined) return
    const { closest } = this.#lookups.run({ from, place: key.place, deadlineMs: QUERY_MS })
    for (const holder of closest) key.held.store(holder, from, this.#now)
  }

  #look(): void {
    const { looksPerHour, warmUpHours, keys } = this.#plan
    this.#schedule(3_600_000 / looksPerHour, EVENTS.look, 0)
    if (this.#now < warmUpHours * 3_600_000) return
    const { ids, isOnline, rules, tables } = this.#world
    const index = this.#draw.between(0, keys - 1)
    const key = this.#records[index]
    if (key === undefined) return
    const from = this.#somebody(this.#draw)
    const result = this.#lookups.run({
      from,
      place: key.place,
      deadlineMs: LOOKUP_MS,
      providersAt: (peer) => key.held.at(peer, this.#now),
      enough: rules.bucketSize,
    })
    const listed = result.providers
    const live = listed.filter(isOnline)
    const there = this.#providers.filter((peer, i) => i % keys === index && isOnline(peer))
    const truth = new Set(nearest(ids, key.place, rules.bucketSize, isOnline))
    const table = tables.count(from, isOnline)
    this.#looks.push({
      listed: listed.length,
      live: live.length,
      there: there.length,
      firstMs: result.firstProviderMs,
      asked: result.asked,
      failed: result.failed,
      near: result.closest.filter((peer) => truth.has(peer)).length / truth.size,
      contacts: table.all,
      liveContacts: table.matching,
    })
  }

  #outcome(): ChurnOutcome {
    const looks = this.#looks.filter(({ there }) => there > 0)
    const sum = (figure: (look: Look) => number) =>
      looks.reduce((total, look) => total + figure(look), 0)
    const firsts = looks.flatMap(({ firstMs }) => firstMs ?? [])
    const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
    return {
      looks: looks.length,
      success: share(looks.filter(({ live }) => live > 0).length, looks.length),
      recall: share(
        sum(({ live }) => live),
        sum(({ there }) => there),
      ),
      staleListed:
        1 -
        share(
          sum(({ live }) => live),
          sum(({ listed }) => listed),
        ),
      staleContacts:
        1 -
        share(
          sum(({ liveContacts }) => liveContacts),
          sum(({ contacts }) => contacts),
        ),
      contacts: mean(looks.map(({ contacts }) => contacts)),
      nearestFound: mean(looks.map(({ near }) => near)),
      askedMean: mean(looks.map(({ asked }) => asked)),
      failedShare: share(
        sum(({ failed }) => failed),
        sum(({ asked }) => asked),
      ),
      firstProviderP50: quantile(firsts, 0.5),
      firstProviderP95: quantile(firsts, 0.95),
    }
  }
}

interface Look {
  readonly listed: number
  readonly live: number
  readonly there: number
  readonly firstMs: number | undefined
  readonly asked: number
  readonly failed: number
  readonly near: number
  readonly contacts: number
  readonly liveContacts: number
}
