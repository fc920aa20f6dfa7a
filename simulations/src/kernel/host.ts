import { type ClockError, virtualSpan, wallTime } from './clock.ts'
import type { Scheduled } from './event-queue.ts'
import type { Kernel } from './kernel.ts'

/** The process is killed, or the machine loses its power: then writes may be lost too, and nobody says goodbye. */
export type CrashKind = 'kill' | 'power-cut'

/** Thrown at a crash point; nothing of the program may catch it. */
class Crash extends Error {
  readonly kind: CrashKind

  constructor(kind: CrashKind) {
    super(kind)
    this.kind = kind
  }
}

export interface HostOptions {
  readonly name: string
  readonly clock: ClockError
  /** Virtual time zero, milliseconds since 1970. */
  readonly epoch: number
}

/** A machine with a clock, on which a program runs, crashes at crash points, and is started again. */
export class Host {
  readonly name: string
  readonly kernel: Kernel
  readonly #options: HostOptions
  readonly #crashes = new Map<number, { readonly kind: CrashKind; readonly downMs: number }>()
  readonly #onCrash: ((kind: CrashKind) => void)[] = []
  #boot: (() => void) | undefined
  #points = 0
  #incarnation = 0
  #up = false

  constructor(kernel: Kernel, options: HostOptions) {
    this.kernel = kernel
    this.name = options.name
    this.#options = options
  }

  get up(): boolean {
    return this.#up
  }

  /** Rises with every start. */
  get incarnation(): number {
    return this.#incarnation
  }

  /** Its wall clock, milliseconds since 1970. */
  now(): number {
    return wallTime(this.#options.epoch, this.kernel.now, this.#options.clock)
  }

  /** Runs `boot` now and after every crash. */
  start(boot: () => void): void {
    this.#boot = boot
    this.#start()
  }

  /** Told of every crash, after which the program is gone. */
  onCrash(listener: (kind: CrashKind) => void): void {
    this.#onCrash.push(listener)
  }

  /** The host will crash at the `point`-th crash point from now, and be down for `downMs`. */
  planCrash(point: number, kind: CrashKind, downMs: number): void {
    this.#crashes.set(this.#points + point, { kind, downMs })
  }

  /** Forgets crashes that have not come yet. */
  spareCrashes(): void {
    this.#crashes.clear()
  }

  /** A place where a crash may come: between two durable writes, or between a write and a message. */
  point(): void {
    const crash = this.#crashes.get(this.#points++)
    if (crash === undefined) return
    this.kernel.after(crash.downMs, () => {
      if (!this.#up) this.#start()
    })
    throw new Crash(crash.kind)
  }

  /** Lets the program handle something; does nothing while the host is down. */
  enter(run: () => void): void {
    if (!this.#up) return
    try {
      run()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.#crash(error.kind)
    }
  }

  /** After `ms` of this host's clock; never, when it crashes before. */
  after(ms: number, run: () => void): Scheduled {
    const incarnation = this.#incarnation
    return this.kernel.after(virtualSpan(ms, this.#options.clock), () => {
      if (incarnation === this.#incarnation) this.enter(run)
    })
  }

  log(what: string): void {
    this.kernel.log(this.name, what)
  }

  #start(): void {
    this.#up = true
    this.#incarnation++
    this.log(this.#incarnation === 1 ? 'starts' : 'restarts')
    if (this.#boot !== undefined) this.enter(this.#boot)
  }

  #crash(kind: CrashKind): void {
    this.#up = false
    this.#incarnation++
    this.log(`crashes: ${kind}`)
    this.kernel.count(`crash: ${kind}`)
    for (const listener of this.#onCrash) listener(kind)
  }
}
