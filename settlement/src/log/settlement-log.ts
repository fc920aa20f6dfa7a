import {
  type LogKey,
  logKey,
  type NoteSigner,
  named,
  noteSignerOf,
  parseVerifierKey,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { decodeSigned, encodeSigned } from '../receipts/submission.ts'
import { proveSettlement } from './prove-settlement.ts'
import { Sequencer } from './sequencer.ts'
import { type WitnessAddress, WitnessFeed, type WitnessFeedOptions } from './witness-feed.ts'

export interface SettlementLogOptions {
  readonly store: SettlementStore
  readonly network: string
  /** The settlement's identity, which says what the log's key is. */
  readonly identity: Signer
  /** The key of the log's own. */
  readonly key: Signer
  /** What the log is called, for ever; a log that has a name keeps it. */
  readonly origin?: string
  readonly defaultOrigin: string
  readonly witnesses?: readonly WitnessAddress[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly fetch?: typeof fetch
  readonly onFailure?: (what: string, error: unknown) => void
}

/** Waiting events of this process that do not wait for the next second: a checkpoint costs less than one each then. */
const WAITING_MAX = 1_000
const DAY_MS = 86_400_000
const YEAR_MS = 365 * DAY_MS
/** Longer than receipts are asked about; a key that signs for longer than its algorithm is sound helps nobody. */
const LOG_KEY_MS = 10 * YEAR_MS

/** The transparency log of a settlement: every second, what happened goes under one more checkpoint. */
export class SettlementLog {
  readonly vkey: string
  readonly origin: string
  /** The settlement's word on the key. */
  readonly key: SignedRecord
  readonly #options: SettlementLogOptions
  readonly #sequencer: Sequencer
  readonly #feed: WitnessFeed
  #waiting = 0
  #running: Promise<void> | undefined
  #feeding: Promise<void> | undefined

  private constructor(
    options: SettlementLogOptions,
    signer: NoteSigner,
    key: SignedRecord,
    sequencer: Sequencer,
  ) {
    const { store, witnesses = [], now, onFailure } = options
    this.vkey = signer.vkey
    this.origin = signer.name
    this.key = key
    this.#options = options
    this.#sequencer = sequencer
    const feed: WitnessFeedOptions = {
      now,
      ...(options.fetch !== undefined && { fetch: options.fetch }),
      onFailure: ({ url }, error) => onFailure?.(`the witness ${url} did not cosign`, error),
    }
    this.#feed = new WitnessFeed(store, witnesses, feed)
  }

  /**
   * @throws {SettlementError} HANSE_CONFIG_INVALID when the log has another name or key
   * @throws {HanseError} HANSE_LOG_* when it is damaged
   */
  static async open(options: SettlementLogOptions): Promise<SettlementLog> {
    const { store } = options
    const signer = await signerOfLog(options)
    const key = await keyOfLog(options, signer)
    const log = new SettlementLog(options, signer, key, await Sequencer.open(store, signer))
    await log.tick()
    return log
  }

  /** Told after each booking: many events do not wait for the timer. */
  added(count: number): void {
    this.#waiting += count
    if (this.#waiting >= WAITING_MAX) void this.tick()
  }

  /** Integrates what waits, then shows the checkpoint to the witnesses. Failures are told, and tried again next time. */
  tick(): Promise<void> {
    this.#running ??= this.#tick().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #tick(): Promise<void> {
    this.#waiting = 0
    try {
      await this.#sequencer.run()
    } catch (error) {
      this.#options.onFailure?.('the log did not grow', error)
      return
    }
    // A slow witness is not waited for: the next batch goes in meanwhile.
    this.#feeding ??= this.#feed
      .run()
      .catch((error: unknown) => this.#options.onFailure?.('no witness was asked', error))
      .finally(() => {
        this.#feeding = undefined
      })
  }

  /** Waits until the witnesses that are being asked have answered. */
  async settled(): Promise<void> {
    await this.#running
    await this.#feeding
  }

  /** See `proveSettlement`. */
  prove(cid: string, since?: bigint): Promise<Uint8Array | undefined> {
    return proveSettlement(this.#options.store, cid, since)
  }
}

/** A log is known by its name, so the one it has in the store goes before any default. */
async function signerOfLog(options: SettlementLogOptions): Promise<NoteSigner> {
  const { store, origin, defaultOrigin, key } = options
  const [kept] = await store.logKeys()
  const keptName = kept && parseVerifierKey(kept.vkey).name
  const signer = noteSigner(origin ?? keptName ?? defaultOrigin, key)
  if (kept !== undefined && kept.vkey !== signer.vkey) {
    throw new SettlementError(
      'HANSE_CONFIG_INVALID',
      keptName === signer.name
        ? 'the log was signed with another key'
        : `the log is called ${keptName}, and others know it by that name`,
    )
  }
  return signer
}

function noteSigner(name: string, key: Signer): NoteSigner {
  try {
    const signer = noteSignerOf(name, key)
    parseVerifierKey(signer.vkey)
    return signer
  } catch (cause) {
    const message = `log-origin: ${name} has spaces, a + or control characters`
    throw new SettlementError('HANSE_CONFIG_INVALID', message, { cause })
  }
}

async function keyOfLog(
  { store, network, identity, now }: SettlementLogOptions,
  { vkey }: NoteSigner,
): Promise<SignedRecord> {
  const at = now()
  const current = (await store.logKeys()).map(({ signed }) => decodeSigned(signed))
  const isOurs = ({ settlement, notAfter }: LogKey) =>
    settlement === identity.peerId && notAfter > at + YEAR_MS
  const kept = current.find(({ bytes }) => isOurs(named(logKey, bytes).value))
  if (kept !== undefined) return kept
  // A day before, for another process's clock may be behind this one's.
  const times = { notBefore: at - DAY_MS, notAfter: at + LOG_KEY_MS }
  const value = { settlement: identity.peerId, vkey, ...times }
  const signed = signRecord({ network }, logKey, value, 'settlement', identity)
  const { cid, signatures, bytes } = signed
  const row = { cid: cid.toString(), vkey, signed: encodeSigned({ bytes, signatures }) }
  await store.keepLogKey({ ...row, ...times }, at)
  return signed
}
