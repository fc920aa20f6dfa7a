import {
  bytesEqual,
  decodeEntryBundle,
  HanseError,
  type LogCommit,
  type LogStore,
  LogWriter,
  leafHash,
  MemoryLogStore,
  noteSignerOf,
  openCheckpoint,
  parseTilePath,
  proveConsistency,
  rootOfLeaves,
  TILE_WIDTH,
  verifyConsistency,
} from '@hanse/protocol'
import type { Disk, Host, Kernel } from '../kernel/index.ts'
import { signerNamed } from './cast.ts'
import type { SettlementState } from './settlement-state.ts'
import { InvariantViolation } from './violation.ts'
import type { World } from './world.ts'

const SIGNER = noteSignerOf('settlement.test/receipts', signerNamed('log'))
/** One operation of the log's store, at most, milliseconds. */
const STORE_MS_MAX = 8

/** The one log that all processes of a settlement write to, and who watches what they sign. */
export class SharedLog {
  readonly #kernel: Kernel
  readonly #store = new MemoryLogStore()
  readonly #random
  readonly #entries: Uint8Array[] = []
  readonly #known = new Set<string>()
  #hashes: Uint8Array[] = []

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#random = kernel.random.fork('log')
  }

  has(cid: string): boolean {
    return this.#known.has(cid)
  }

  /** The store as one process sees it: each operation takes time, and a crash may come before or after it. */
  seenBy(host: Host): LogStore {
    return {
      readCheckpoint: () => this.#later(host, () => this.#store.readCheckpoint()),
      read: (path) => this.#later(host, () => this.#store.read(path)),
      commit: (commit) =>
        this.#later(host, async () => {
          const won = await this.#store.commit(commit)
          if (won) this.#watch(commit)
          this.#kernel.count(won ? 'log: checkpoint signed' : 'log: race lost')
          return won
        }),
    }
  }

  async #later<Value>(host: Host, run: () => Promise<Value>): Promise<Value> {
    const result = Promise.withResolvers<Value>()
    const { incarnation } = host
    const answer = (value: Value) => {
      // The process that asked may be gone; what it did is done.
      if (host.incarnation !== incarnation) return
      host.enter(() => {
        host.point()
        result.resolve(value)
        this.#kernel.stir()
      })
    }
    host.after(this.#random.between(0, STORE_MS_MAX), () => {
      host.point()
      run().then(answer, (error: unknown) => this.#kernel.fail(error))
      this.#kernel.stir()
    })
    return result.promise
  }

  /** Every checkpoint continues the one before it, with the same entries and a right root. */
  #watch({ tiles, checkpoint }: LogCommit): void {
    const before = this.#hashes
    for (const [path, bytes] of tiles) {
      const { level, index, width } = parseTilePath(path)
      if (level !== 'entries') continue
      for (const [i, entry] of decodeEntryBundle(bytes, width).entries())
        this.#enter(Number(index) * TILE_WIDTH + i, entry)
    }
    const { size, root } = openCheckpoint(checkpoint, SIGNER.vkey)
    this.#hashes = this.#entries.map(leafHash)
    if (BigInt(this.#hashes.length) !== size || !bytesEqual(rootOfLeaves(this.#hashes), root))
      throw new InvariantViolation('log', `the checkpoint of ${size} is not that of its entries`)
    if (before.length === 0) return
    const size1 = BigInt(before.length)
    const proof = proveConsistency(this.#hashes, size1)
    const claim = { size1, size2: size, root1: rootOfLeaves(before), root2: root, proof }
    if (!verifyConsistency(claim))
      throw new InvariantViolation('log', `${size} entries do not continue ${size1}`)
  }

  #enter(at: number, entry: Uint8Array): void {
    const known = this.#entries[at]
    if (known !== undefined && !bytesEqual(known, entry))
      throw new InvariantViolation('log', `entry ${at} changes`)
    this.#entries[at] = entry
    this.#known.add(new TextDecoder().decode(entry))
  }
}

/** Puts what one process has settled into the log: each receipt at least once, over crashes. */
export class ReceiptLog {
  readonly #world: World
  readonly #host: Host
  readonly #writer: number
  readonly #shared: SharedLog
  readonly #disk: Disk<SettlementState>
  #log: LogWriter | undefined
  #busy = false

  constructor(
    world: World,
    host: Host,
    writer: number,
    shared: SharedLog,
    disk: Disk<SettlementState>,
  ) {
    this.#world = world
    this.#host = host
    this.#writer = writer
    this.#shared = shared
    this.#disk = disk
  }

  /** The process begins. */
  start(): void {
    this.#log = undefined
    this.#busy = false
    this.flush()
  }

  flush(): void {
    if (this.#busy) return
    this.#busy = true
    this.#world.kernel.stir()
    this.#append(this.#host.incarnation).catch((error: unknown) => this.#world.kernel.fail(error))
  }

  async #append(incarnation: number): Promise<void> {
    for (;;) {
      this.#log ??= await LogWriter.open(this.#shared.seenBy(this.#host), SIGNER)
      const { log, logged } = this.#disk.state
      const done = logged.get(this.#writer) ?? 0
      const waiting = log.filter(({ writer }) => writer === this.#writer).slice(done)
      if (incarnation !== this.#host.incarnation) return
      if (waiting.length === 0) break
      try {
        await this.#log.append(waiting.map(({ cid }) => new TextEncoder().encode(cid)))
      } catch (error) {
        if (!(error instanceof HanseError)) throw error
        throw new InvariantViolation('log', `${error.code}: ${error.message}`)
      }
      this.#disk.write(
        (state) => {
          state.logged.set(this.#writer, done + waiting.length)
        },
        { sync: true },
      )
    }
    this.#busy = false
  }
}
