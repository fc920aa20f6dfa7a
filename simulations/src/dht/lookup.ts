import type { Random } from '../kernel/random.ts'
import { distanceTo, type Place } from './ids.ts'
import { LookupPath } from './lookup-path.ts'
import { DIAL_ADDRESS_MS } from './production-rules.ts'
import { TimeHeap } from './time-heap.ts'
import type { World } from './world.ts'

/** libp2p keeps so many connections (`libp2p-options.ts`); contacts beyond have to be dialed. */
const CONNECTIONS_MAX = 300
/** Of those that have gone, half leave a closed port behind and half nothing that answers. */
const REFUSES_SHARE = 0.5

export interface Question {
  readonly from: number
  readonly place: Place
  readonly deadlineMs: number
  /** Providers that a peer names. */
  readonly providersAt?: (peer: number) => readonly number[] | undefined
  /** Ends the lookup once so many providers are known. */
  readonly enough?: number
  /** What a peer answers instead of what is in its table: how an attacker lies. */
  readonly liesOf?: (peer: number) => readonly number[] | undefined
  /** Called for each answer: who gave it, and whom it named. */
  readonly learn?: (asked: number, named: Uint32Array) => void
}

export interface LookupResult {
  /** The nearest that answered, nearest first: where records go. */
  readonly closest: readonly number[]
  /** Each once, in the order in which they were heard of. */
  readonly providers: readonly number[]
  readonly firstProviderMs: number | undefined
  readonly ms: number
  readonly asked: number
  readonly failed: number
  /** How many tables led to the nearest peer, the own one included. */
  readonly hops: number
}

/**
 * Lookups as kad-dht's `query/manager.ts` and `query/query-path.ts` do them, in virtual time, on a network that stands still
 * meanwhile: a lookup takes a second, and peers come and go by the hour.
 */
export class Lookups {
  readonly #world: World
  readonly #random: Random
  /** The last lookup that met a peer. */
  readonly #seen: Int32Array
  readonly #depth: Uint8Array
  readonly #answer: Uint32Array
  readonly #heap = new TimeHeap()
  #number = 0
  #connectedShare = 0

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    this.#seen = new Int32Array(world.ids.count)
    this.#depth = new Uint8Array(world.ids.count)
    this.#answer = new Uint32Array(world.rules.bucketSize)
  }

  run(question: Question): LookupResult {
    const { ids, rules, isOnline } = this.#world
    const { place, deadlineMs } = question
    const paths = this.#start(question)
    const all = new LookupPath(rules)
    const found = new FoundProviders(question.enough)
    let [asked, failed, now] = [0, 0, 0]
    for (let i = 0; i < paths.length; i++) asked += this.#ask(paths, i, question, 0)
    for (let event = this.#heap.pop(); event >= 0; event = this.#heap.pop()) {
      now = Math.min(this.#heap.time, deadlineMs)
      if (this.#heap.time > deadlineMs) break
      const index = event % paths.length
      const peer = Math.floor(event / paths.length)
      const path = paths[index] as LookupPath
      path.running--
      if (isOnline(peer)) {
        all.respond(peer, distanceTo(ids, peer, place))
        found.add(question.providersAt?.(peer), now)
        if (found.isEnough) break
        this.#take(path, question, peer)
      } else failed++
      asked += this.#ask(paths, index, question, now)
    }
    const first = all.closest[0]
    return {
      closest: all.closest,
      providers: found.providers,
      firstProviderMs: found.firstMs,
      ms: now,
      asked,
      failed,
      hops: first === undefined ? 0 : (this.#depth[first] as number),
    }
  }

  /** The nearest contacts in the own table, dealt out to disjoint paths. */
  #start({ from, place }: Question): LookupPath[] {
    const { rules, tables } = this.#world
    this.#number++
    this.#heap.clear()
    this.#connectedShare = Math.min(1, CONNECTIONS_MAX / Math.max(1, tables.size(from)))
    const contacts = [...this.#answer.subarray(0, tables.closest(from, place, this.#answer))]
    shuffle(contacts, this.#random)
    const paths = Array.from(
      { length: Math.min(rules.paths, contacts.length) },
      () => new LookupPath(rules),
    )
    this.#seen[from] = this.#number
    for (const [i, peer] of contacts.entries())
      this.#queue(paths[i % paths.length] as LookupPath, { peer, place, depth: 1 })
    return paths
  }

  #queue(
    path: LookupPath,
    { peer, place, depth }: { peer: number; place: Place; depth: number },
  ): void {
    this.#seen[peer] = this.#number
    this.#depth[peer] = Math.min(255, depth)
    path.queue(peer, distanceTo(this.#world.ids, peer, place))
  }

  /** Asks the next ones of a path, up to its concurrency; how many. */
  #ask(paths: readonly LookupPath[], index: number, { from }: Question, now: number): number {
    const path = paths[index] as LookupPath
    let asked = 0
    for (; path.running < this.#world.rules.alpha; path.running++, asked++) {
      const peer = path.next()
      if (peer < 0) break
      this.#heap.push(now + this.#answerMs(from, peer), peer * paths.length + index)
    }
    return asked
  }

  #answerMs(from: number, peer: number): number {
    const { geography, isOnline } = this.#world
    if (!isOnline(peer))
      return this.#random.chance(REFUSES_SHARE)
        ? geography.roundTrip(this.#random, from, peer)
        : DIAL_ADDRESS_MS
    const isContact = this.#depth[peer] === 1
    const isConnected = isContact && this.#random.chance(this.#connectedShare)
    return geography.askMs(this.#random, from, peer, isConnected)
  }

  /** An answer: those it names are asked too when they are nearer than who named them, and near enough. */
  #take(path: LookupPath, question: Question, teller: number): void {
    const { ids, tables } = this.#world
    const { place } = question
    const named =
      question.liesOf?.(teller) ?? this.#tableOf(tables.closest(teller, place, this.#answer))
    if (question.learn !== undefined) question.learn(teller, Uint32Array.from(named))
    const own = distanceTo(ids, teller, place)
    path.respond(teller, own)
    const depth = (this.#depth[teller] as number) + 1
    for (const peer of named) {
      if (this.#seen[peer] === this.#number) continue
      const distance = distanceTo(ids, peer, place)
      if (distance < own && path.canAdd(distance)) this.#queue(path, { peer, place, depth })
    }
  }

  #tableOf(count: number): Uint32Array {
    return this.#answer.subarray(0, count)
  }
}

class FoundProviders {
  readonly #enough: number
  readonly #known = new Set<number>()
  firstMs: number | undefined

  constructor(enough = Number.POSITIVE_INFINITY) {
    this.#enough = enough
  }

  get providers(): readonly number[] {
    return [...this.#known]
  }

  get isEnough(): boolean {
    return this.#known.size >= this.#enough
  }

  add(providers: readonly number[] | undefined, now: number): void {
    if (providers === undefined || providers.length === 0) return
    this.firstMs ??= now
    for (const provider of providers) this.#known.add(provider)
  }
}

/** Fisher and Yates. */
export function shuffle(values: number[], random: Random): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.between(0, i)
    const held = values[i] as number
    values[i] = values[j] as number
    values[j] = held
  }
}
