import type { CrashKind, Host } from './host.ts'
import type { Links } from './links.ts'
import type { Random } from './random.ts'

/** What goes wrong on one stream. */
export interface StreamFaults {
  /** The stream is cut after this many frames, of both directions together. */
  readonly cutAfter: number | undefined
  /** One side does not learn of the cut for a long time. */
  readonly halfOpen: boolean
  /** A transport that does not keep its promises; 0 to 1 for each frame. */
  readonly drop: number
  readonly repeat: number
  readonly reorder: number
  readonly flip: number
}

/** An end that hears nothing takes its peer for gone: libp2p's keep-alive. */
const KEEP_ALIVE_MS = 30_000
/** After a reset, frames on their way may never be read. */
const RESET_LOSS = 0.3

/** One direction and its reader. */
interface Direction {
  readonly from: StreamEnd
  readonly to: StreamEnd
  last: number
}

/** A stream of frames between two hosts: reliable and in order while it lasts, unless it is broken. */
export class StreamEnd {
  readonly host: Host
  onFrame: (bytes: Uint8Array) => void = () => {}
  onClosed: () => void = () => {}
  /** Neither reads nor writes any more. */
  done = false
  #stream: Stream | undefined

  constructor(host: Host) {
    this.host = host
  }

  attach(stream: Stream): void {
    this.#stream = stream
  }

  send(bytes: Uint8Array): void {
    if (!this.done) this.#stream?.send(this, bytes)
  }

  /** Sends what was written and closes; a clean end never loses it, a reset may. */
  end(clean: boolean): void {
    if (this.done) return
    this.done = true
    this.#stream?.finish(this, clean ? 'clean' : 'reset')
  }
}

export class Stream {
  readonly #links: Links
  readonly #random: Random
  readonly #faults: StreamFaults
  readonly #directions: readonly [Direction, Direction]
  #frames = 0
  #cut = false

  constructor(a: StreamEnd, b: StreamEnd, links: Links, random: Random, faults: StreamFaults) {
    this.#links = links
    this.#random = random
    this.#faults = faults
    this.#directions = [
      { from: a, to: b, last: 0 },
      { from: b, to: a, last: 0 },
    ]
    for (const end of [a, b]) {
      end.attach(this)
      end.host.onCrash((kind) => this.#crashed(end, kind))
    }
  }

  send(from: StreamEnd, bytes: Uint8Array): void {
    const direction = this.#direction(from)
    const { drop, repeat, reorder, flip, cutAfter } = this.#faults
    if (this.#cut) return
    this.#frames++
    if (cutAfter !== undefined && this.#frames > cutAfter) {
      this.#cutNow()
      return
    }
    const random = this.#random
    const { kernel } = from.host
    if (drop > 0 && random.chance(drop)) {
      kernel.count('network: frame dropped')
      return
    }
    const copies = repeat > 0 && random.chance(repeat) ? 2 : 1
    if (copies === 2) kernel.count('network: frame repeated')
    for (let i = 0; i < copies; i++) {
      const flipped = flip > 0 && random.chance(flip)
      if (flipped) kernel.count('network: bit flipped')
      this.#deliver(direction, flipped ? flipBit(bytes, random) : bytes, random.chance(reorder))
    }
  }

  finish(from: StreamEnd, how: 'clean' | 'reset'): void {
    if (this.#cut) return
    const direction = this.#direction(from)
    const { kernel } = from.host
    const lossy = how === 'reset' && this.#random.chance(RESET_LOSS)
    const at = lossy ? kernel.now + this.#links.delay() : this.#arrival(direction)
    kernel.at(at, () => this.#close(direction.to))
  }

  #deliver(direction: Direction, bytes: Uint8Array, early: boolean): void {
    const { from, to } = direction
    const { kernel } = from.host
    const at = early ? kernel.now + this.#links.delay() : this.#arrival(direction)
    if (at - kernel.now > KEEP_ALIVE_MS) {
      kernel.count('network: stream timed out')
      this.#cut = true
      for (const end of [from, to]) kernel.after(KEEP_ALIVE_MS, () => this.#close(end))
      return
    }
    const { incarnation } = to.host
    kernel.at(at, () => {
      if (to.done || incarnation !== to.host.incarnation) return
      to.host.enter(() => to.onFrame(bytes))
    })
  }

  #arrival(direction: Direction): number {
    const { from, to } = direction
    direction.last = Math.max(direction.last, this.#links.arrival(from.host.name, to.host.name))
    return direction.last
  }

  #cutNow(): void {
    const { halfOpen } = this.#faults
    const [{ from: a, to: b }] = this.#directions
    const { kernel } = a.host
    this.#cut = true
    kernel.count(halfOpen ? 'network: half-open cut' : 'network: cut')
    const late = this.#random.chance(0.5) ? a : b
    for (const end of [a, b]) {
      const wait = halfOpen && end === late ? KEEP_ALIVE_MS : this.#links.delay()
      kernel.after(wait, () => this.#close(end))
    }
  }

  #crashed(end: StreamEnd, kind: CrashKind): void {
    if (end.done) return
    end.done = true
    if (this.#cut) return
    const { to } = this.#direction(end)
    const { kernel } = end.host
    if (kind === 'kill') this.finish(end, 'reset')
    else kernel.after(KEEP_ALIVE_MS, () => this.#close(to))
  }

  #close(end: StreamEnd): void {
    if (end.done) return
    end.done = true
    end.host.enter(() => end.onClosed())
  }

  #direction(from: StreamEnd): Direction {
    return this.#directions[0].from === from ? this.#directions[0] : this.#directions[1]
  }
}

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  const at = random.between(0, bytes.byteLength - 1)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.between(0, 7))
  return flipped
}
