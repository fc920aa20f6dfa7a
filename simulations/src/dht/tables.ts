import type { Random } from '../kernel/random.ts'
import { distanceTo, type Ids, type Place, runOf } from './ids.ts'
import type { KadRules } from './kad-rules.ts'

/** Draws for one place in a bucket before it is left empty: enough where a third of the peers are away. */
const DRAWS_MAX = 6

/**
 * Every peer's routing table, four bytes a contact: for each bucket one array, in which each peer has its run of slots,
 * oldest contact first. A bucket that the key space cannot fill gets no more slots than there are peers for it.
 */
export class Tables {
  readonly buckets: number
  readonly #ids: Ids
  readonly #rules: KadRules
  readonly #slots: Uint32Array[]
  readonly #sizes: Uint8Array[]
  readonly #capacities: number[]
  /** Of a trie, which has the same buckets for everybody. */
  readonly #runs: (readonly [number, number])[]
  /** When each contact was last known to answer; kept only where tables are learned from answers. */
  readonly #pinged: Float64Array[] | undefined

  constructor(ids: Ids, rules: KadRules, { timed = false } = {}) {
    this.#ids = ids
    this.#rules = rules
    const { count } = ids
    this.buckets =
      rules.shape === 'trie'
        ? 2 ** rules.prefixLength
        : Math.min(31, Math.ceil(Math.log2(Math.max(2, count / rules.bucketSize))) + 4)
    const bits = rules.prefixLength
    this.#runs = Array.from({ length: rules.shape === 'trie' ? this.buckets : 0 }, (_, bucket) =>
      runOf(ids, bucketHigh(bucket, bits), bits),
    )
    this.#capacities = Array.from({ length: this.buckets }, (_, bucket) => this.#capacity(bucket))
    this.#slots = this.#capacities.map((capacity) => new Uint32Array(count * capacity))
    this.#sizes = this.#capacities.map(() => new Uint8Array(count))
    this.#pinged = timed
      ? this.#capacities.map((capacity) => new Float64Array(count * capacity))
      : undefined
  }

  get bytes(): number {
    return this.#slots.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  #capacity(bucket: number): number {
    const { bucketSize } = this.#rules
    const [from, to] = this.#runs[bucket] ?? [0, bucketSize]
    return Math.min(bucketSize, to - from)
  }

  bucketOf(owner: number, contact: number): number {
    const { shape, prefixLength } = this.#rules
    const high = this.#ids.high[contact] as number
    if (shape === 'trie') return prefixLength === 0 ? 0 : high >>> (32 - prefixLength)
    return Math.min(this.buckets - 1, Math.clz32((this.#ids.high[owner] as number) ^ high))
  }

  /** The run of peers that belong in a bucket of a peer's table. */
  #run(owner: number, bucket: number): readonly [number, number] {
    const run = this.#runs[bucket]
    if (run !== undefined) return run
    const high = this.#ids.high[owner] as number
    const isLast = bucket === this.buckets - 1
    return runOf(
      this.#ids,
      isLast ? high : high ^ (0x80000000 >>> bucket),
      isLast ? bucket : bucket + 1,
    )
  }

  /** Everything that this peer knew is gone: it starts anew. */
  clear(owner: number): void {
    for (const sizes of this.#sizes) sizes[owner] = 0
  }

  /**
   * Lets a peer hear of up to `heard` others for each bucket, at random among those that are there. A full bucket tests its
   * oldest contacts each time, and takes a new one only for one that did not answer, as kad-dht does.
   */
  hear(owner: number, heard: number, random: Random, isOnline: (peer: number) => boolean): void {
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      const [from, to] = this.#run(owner, bucket)
      if (to > from) this.#hearOf(owner, bucket, { from, to, heard, random, isOnline })
    }
  }

  #hearOf(
    owner: number,
    bucket: number,
    {
      from,
      to,
      heard,
      random,
      isOnline,
    }: {
      from: number
      to: number
      heard: number
      random: Random
      isOnline: (peer: number) => boolean
    },
  ): void {
    const sizes = this.#sizes[bucket] as Uint8Array
    const capacity = this.#capacities[bucket] as number
    if (to - from <= capacity) {
      // Fewer than fit: all of them are heard of sooner or later. A bucket that is not full drops nobody.
      for (let peer = from; peer < to; peer++)
        if (peer !== owner && isOnline(peer) && !this.#has(owner, bucket, peer))
          this.#append(owner, bucket, peer, 0)
      return
    }
    for (let i = 0; i < heard; i++) {
      if (sizes[owner] === capacity && !this.#evict(owner, bucket, 0, isOnline)) return
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        const peer = from + Math.floor(random.float() * (to - from))
        if (peer === owner || !isOnline(peer) || this.#has(owner, bucket, peer)) continue
        this.#append(owner, bucket, peer, 0)
        break
      }
    }
  }

  /** A peer was heard of: it is pinged and taken, where there is room or one of the oldest contacts has gone. */
  add(owner: number, contact: number, now: number, isOnline: (peer: number) => boolean): void {
    if (owner === contact) return
    const bucket = this.bucketOf(owner, contact)
    if (this.#has(owner, bucket, contact)) return
    const isFull = this.#sizes[bucket]?.[owner] === this.#capacities[bucket]
    if (isFull && !this.#evict(owner, bucket, now, isOnline)) return
    if (isOnline(contact)) this.#append(owner, bucket, contact, now)
  }

  #has(owner: number, bucket: number, contact: number): boolean {
    const slots = this.#slots[bucket] as Uint32Array
    const start = owner * (this.#capacities[bucket] as number)
    const end = start + (this.#sizes[bucket]?.[owner] as number)
    for (let i = start; i < end; i++) if (slots[i] === contact) return true
    return false
  }

  #append(owner: number, bucket: number, contact: number, now: number): void {
    const sizes = this.#sizes[bucket] as Uint8Array
    const capacity = this.#capacities[bucket] as number
    const size = sizes[owner] as number
    if (size >= capacity) return
    const at = owner * capacity + size
    const slots = this.#slots[bucket] as Uint32Array
    slots[at] = contact
    const pinged = this.#pinged?.[bucket]
    if (pinged !== undefined) pinged[at] = now
    sizes[owner] = size + 1
  }

  /** Removes those of the oldest contacts that do not answer; whether there were any. */
  #evict(owner: number, bucket: number, now: number, isOnline: (peer: number) => boolean): boolean {
    const { oldContactsPinged, pingAgainMs } = this.#rules
    const sizes = this.#sizes[bucket] as Uint8Array
    const slots = this.#slots[bucket] as Uint32Array
    const pinged = this.#pinged?.[bucket]
    const start = owner * (this.#capacities[bucket] as number)
    const size = sizes[owner] as number
    let kept = 0
    let tested = 0
    for (let i = 0; i < size; i++) {
      const contact = slots[start + i] as number
      const at = pinged?.[start + i]
      const isDue = at === undefined || at <= now - pingAgainMs
      if (isDue && tested < oldContactsPinged) {
        tested++
        if (!isOnline(contact)) continue
      }
      slots[start + kept] = contact
      if (pinged !== undefined && at !== undefined) pinged[start + kept] = at
      kept++
    }
    sizes[owner] = kept
    return kept < size
  }

  /** Writes the contacts of `owner` that are nearest to a place into `into`, in no order; how many. */
  closest(owner: number, place: Place, into: Uint32Array): number {
    const { bucketSize, shape, prefixLength } = this.#rules
    const key = shape === 'trie' ? place.high >>> (32 - prefixLength) : 0
    const isTrie = shape === 'trie'
    if (isTrie) {
      let count = 0
      for (let i = 0; i < this.buckets && count < bucketSize; i++) {
        const bucket = prefixLength === 0 ? 0 : key ^ i
        count = this.#take(owner, bucket, { place, into, count })
      }
      return count
    }
    const common = Math.min(
      this.buckets - 1,
      Math.clz32((this.#ids.high[owner] as number) ^ place.high),
    )
    let count = this.#take(owner, common, { place, into, count: 0 })
    // Contacts nearer to the own id than the place is are all of one class: the nearest of them have to be found.
    if (count < bucketSize && common < this.buckets - 1)
      count = this.#takeDeep(owner, common + 1, { place, into, count })
    for (let bucket = common - 1; bucket >= 0 && count < bucketSize; bucket--)
      count = this.#take(owner, bucket, { place, into, count })
    return count
  }

  #take(
    owner: number,
    bucket: number,
    { place, into, count }: { place: Place; into: Uint32Array; count: number },
  ): number {
    const slots = this.#slots[bucket] as Uint32Array
    const size = this.#sizes[bucket]?.[owner] as number
    const start = owner * (this.#capacities[bucket] as number)
    const room = this.#rules.bucketSize - count
    if (size <= room) {
      for (let i = 0; i < size; i++) into[count + i] = slots[start + i] as number
      return count + size
    }
    return this.#takeNearest([...slots.subarray(start, start + size)], { place, into, count })
  }

  #takeDeep(
    owner: number,
    first: number,
    { place, into, count }: { place: Place; into: Uint32Array; count: number },
  ): number {
    const all: number[] = []
    for (let bucket = first; bucket < this.buckets; bucket++) {
      const start = owner * (this.#capacities[bucket] as number)
      const size = this.#sizes[bucket]?.[owner] as number
      for (let i = 0; i < size; i++) all.push(this.#slots[bucket]?.[start + i] as number)
    }
    return this.#takeNearest(all, { place, into, count })
  }

  #takeNearest(
    contacts: number[],
    { place, into, count }: { place: Place; into: Uint32Array; count: number },
  ): number {
    const room = this.#rules.bucketSize - count
    const best = contacts
      .sort((a, b) => distanceTo(this.#ids, a, place) - distanceTo(this.#ids, b, place))
      .slice(0, room)
    into.set(best, count)
    return count + best.length
  }

  /** Leading bytes that the contact nearest to the owner shares with it, two at most: what kad-dht takes for a prefix length. */
  commonBytes(owner: number): number {
    const high = this.#ids.high[owner] as number
    let most = 0
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      const start = owner * (this.#capacities[bucket] as number)
      const size = this.#sizes[bucket]?.[owner] as number
      for (let i = start; i < start + size; i++) {
        const contact = this.#slots[bucket]?.[i] as number
        most = Math.max(most, Math.clz32((this.#ids.high[contact] as number) ^ high) >>> 3)
      }
    }
    return Math.min(2, most)
  }

  size(owner: number): number {
    let size = 0
    for (const sizes of this.#sizes) size += sizes[owner] as number
    return size
  }

  /** How many contacts a peer has, and how many of them `matches` accepts. */
  count(owner: number, matches: (peer: number) => boolean): { all: number; matching: number } {
    let all = 0
    let matching = 0
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      const start = owner * (this.#capacities[bucket] as number)
      const size = this.#sizes[bucket]?.[owner] as number
      all += size
      for (let i = 0; i < size; i++)
        if (matches(this.#slots[bucket]?.[start + i] as number)) matching++
    }
    return { all, matching }
  }
}

const bucketHigh = (bucket: number, prefixLength: number): number =>
  prefixLength === 0 ? 0 : (bucket << (32 - prefixLength)) >>> 0
