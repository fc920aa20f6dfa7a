import type { Host } from './host.ts'
import type { Kernel } from './kernel.ts'
import { type LinkQuality, Links, type Partition } from './links.ts'
import type { Random } from './random.ts'
import { Stream, StreamEnd, type StreamFaults } from './stream.ts'

export interface NetworkOptions {
  readonly quality: LinkQuality
  readonly partitions: readonly Partition[]
  /** What goes wrong on the next stream. */
  readonly faults: (random: Random) => StreamFaults
}

export type Acceptor = (end: StreamEnd, from: Host) => void

/** Hosts that open streams to one another and call one another, over links that fail. */
export class Network {
  readonly #kernel: Kernel
  readonly #random: Random
  readonly #options: NetworkOptions
  readonly #acceptors = new Map<string, Acceptor>()
  #links: Links
  #healed = false
  #streams = 0

  constructor(kernel: Kernel, options: NetworkOptions) {
    this.#kernel = kernel
    this.#random = kernel.random.fork('network')
    this.#options = options
    this.#links = new Links(kernel, this.#random.fork('links'), options.quality, options.partitions)
  }

  /** From now on nothing gets lost, and new streams have no faults. */
  heal(): void {
    this.#healed = true
    const quality = { ...this.#options.quality, loss: 0, duplication: 0 }
    this.#links = new Links(this.#kernel, this.#random.fork('healed'), quality, [])
  }

  /** Streams that are opened to `host` are handed to `accept`. */
  listen(host: Host, accept: Acceptor): void {
    this.#acceptors.set(host.name, accept)
  }

  /** Opens a stream. `opened` gets its end, or `undefined` when the other host is out of reach. */
  connect(from: Host, to: Host, opened: (end: StreamEnd | undefined) => void): void {
    const random = this.#random.fork(`stream ${this.#streams++}`)
    const { incarnation } = from
    const answer = (end: StreamEnd | undefined) => {
      if (incarnation === from.incarnation) from.enter(() => opened(end))
    }
    if (this.#links.loses(from.name, to.name)) {
      this.#kernel.after(CONNECT_MS, () => answer(undefined))
      return
    }
    this.#kernel.after(this.#links.delay(), () => {
      const accept = this.#acceptors.get(to.name)
      if (!to.up || accept === undefined) {
        this.#kernel.after(this.#links.delay(), () => answer(undefined))
        return
      }
      const [a, b] = [new StreamEnd(from), new StreamEnd(to)]
      const faults = this.#healed ? NO_STREAM_FAULTS : this.#options.faults(random)
      new Stream(a, b, this.#links, random, faults)
      to.enter(() => accept(b, from))
      this.#kernel.after(this.#links.delay(), () => {
        if (incarnation === from.incarnation) answer(a)
        else a.end(false)
      })
    })
  }

  /**
   * A request and its reply, like one over HTTP: each can be lost, and the request can arrive twice.
   *
   * @param serve runs on `to`; without an answer when it crashes
   * @param done gets the reply, or `undefined` after `timeoutMs` at the latest
   */
  call<Reply extends object>(
    from: Host,
    to: Host,
    serve: () => Reply,
    timeoutMs: number,
    done: (reply: Reply | undefined) => void,
  ): void {
    let answered = false
    const { incarnation } = from
    const finish = (reply: Reply | undefined) => {
      if (answered || incarnation !== from.incarnation) return
      answered = true
      from.enter(() => done(reply))
    }
    this.#kernel.after(timeoutMs, () => finish(undefined))
    const copies = this.#links.duplicates() ? 2 : 1
    if (copies === 2) this.#kernel.count('network: request repeated')
    for (let i = 0; i < copies; i++) {
      if (this.#links.loses(from.name, to.name)) {
        this.#kernel.count('network: request lost')
        continue
      }
      this.#kernel.after(this.#links.delay(), () => {
        let reply: Reply | undefined
        to.enter(() => {
          reply = serve()
        })
        if (reply === undefined) return
        if (this.#links.loses(to.name, from.name)) {
          this.#kernel.count('network: reply lost')
          return
        }
        this.#kernel.after(this.#links.delay(), () => finish(reply))
      })
    }
  }
}

/** A node gives up opening a stream after this time. */
const CONNECT_MS = 5_000

export const NO_STREAM_FAULTS: StreamFaults = {
  cutAfter: undefined,
  halfOpen: false,
  drop: 0,
  repeat: 0,
  reorder: 0,
  flip: 0,
}
