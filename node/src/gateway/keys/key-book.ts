import { createHash, timingSafeEqual } from 'node:crypto'
import { HanseError } from '@hanse/protocol'
import type { KeyRow, KeyStore } from '../../store/key-store.ts'
import { OWNER } from '../../store/spend-store.ts'
import { type KeyTerms, OPEN_TERMS, printTerms, readTerms } from './key-terms.ts'

/** A key of a gateway that is not its owner’s. */
export interface VirtualKey {
  /** `key_` and 16 characters; never used again. */
  readonly id: string
  /** Unique among keys that are not revoked. */
  readonly name: string
  /** The last characters of the secret. */
  readonly hint: string
  readonly terms: KeyTerms
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly revokedAt: number | undefined
  readonly lastUsedAt: number | undefined
}

/** A key that was just made, with the secret that is shown this once and kept nowhere. */
export interface NewKey {
  readonly key: VirtualKey
  readonly secret: string
}

export type KeyAction = 'created' | 'changed' | 'rotated' | 'revoked'

export interface KeyBookOptions {
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** After it was kept. */
  readonly onChange?: (key: VirtualKey, action: KeyAction) => void
}

/** 256 bits: nobody finds one by trying. */
const SECRET_BYTES = 32
const SECRET = /^hanse_sk_[\w-]{43}$/u
const ID_BYTES = 12
const HINT_CHARS = 4
/** Revoked ones are kept, so that past spend has a name; each is less than a kilobyte of memory. */
const KEYS_MAX = 10_000
/** A time is kept this often; the last use before a crash may be lost. */
const USED_EVERY_MS = 60_000
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@/-]{0,63}$/u

/** Whether this is, or once was, the secret of a key, or looks just like one. */
export function isSecret(text: string): boolean {
  return SECRET.test(text)
}

/** The keys of a gateway, in memory and in its store. Secrets are kept as their SHA-256 alone. */
export class KeyBook implements Disposable {
  readonly #store: KeyStore
  readonly #options: KeyBookOptions
  readonly #rows = new Map<string, KeyRow>()
  readonly #keys = new Map<string, VirtualKey>()
  /** By the digests of their secrets, hexadecimal. */
  readonly #digests = new Map<string, string>()
  readonly #usedKept = new Map<string, number>()

  constructor(store: KeyStore, options: KeyBookOptions) {
    this.#store = store
    this.#options = options
    for (const row of store.all()) this.#remember(row)
  }

  /** Keeps what was not kept yet of when keys were last used. */
  [Symbol.dispose](): void {
    for (const [id, kept] of this.#usedKept) {
      const last = this.#keys.get(id)?.lastUsedAt ?? kept
      if (last !== kept) this.#store.used(id, last)
    }
  }

  /** Whether there is, or ever was, a key: a gateway that once had some stays closed when the last is revoked. */
  get isUsed(): boolean {
    return this.#rows.size > 0
  }

  /** Oldest first. */
  list(): VirtualKey[] {
    return [...this.#keys.values()]
  }

  /** @param which an id, or the name of a key that is not revoked @throws {HanseError} HANSE_NOT_FOUND */
  get(which: string): VirtualKey {
    const key =
      this.#keys.get(which) ??
      this.list().find(({ name, revokedAt }) => name === which && revokedAt === undefined)
    if (key !== undefined) return key
    throw new HanseError('HANSE_NOT_FOUND', `there is no key ${which.slice(0, 64)}`)
  }

  /** The key with this secret, whether it may be used or not. */
  withSecret(secret: string): VirtualKey | undefined {
    const digest = digestOf(secret)
    const row = this.#rows.get(this.#digests.get(digest.toString('hex')) ?? '')
    if (row === undefined) return undefined
    // How long the look-up takes may tell of the digest, from which no secret follows; this tells of nothing.
    if (timingSafeEqual(digest, row.digest)) return this.#keys.get(row.id)
    const { old } = row
    const isOld = old !== undefined && timingSafeEqual(digest, old.digest)
    return isOld && this.#options.now() < old.until ? this.#keys.get(row.id) : undefined
  }

  /** @throws {HanseError} HANSE_REQUEST_INVALID for a name that is taken, or no name */
  create(name: string, terms: Partial<KeyTerms>): NewKey {
    this.#checkName(name)
    if (this.#rows.size >= KEYS_MAX)
      throw new HanseError('HANSE_REQUEST_INVALID', `a gateway has at most ${KEYS_MAX} keys`)
    const { now, random } = this.#options
    const { secret, digest, hint } = this.#makeSecret()
    const row: KeyRow = {
      id: `key_${Buffer.from(random(ID_BYTES)).toString('base64url')}`,
      name,
      digest,
      hint,
      old: undefined,
      terms: printTerms({ ...OPEN_TERMS, ...terms }),
      createdAt: now(),
      revokedAt: undefined,
      lastUsedAt: undefined,
    }
    this.#store.insert(row)
    return { key: this.#changed(row, 'created'), secret }
  }

  /** @throws {HanseError} HANSE_NOT_FOUND, HANSE_REQUEST_INVALID */
  update(which: string, changes: Partial<KeyTerms>, name?: string): VirtualKey {
    const row = this.#live(which)
    if (name !== undefined && name !== row.name) this.#checkName(name)
    const terms = printTerms({ ...readTerms(row.terms), ...changes })
    return this.#keep({ ...row, name: name ?? row.name, terms }, 'changed')
  }

  /** Gives the key another secret. @param graceMs for how long the one it had counts too */
  rotate(which: string, graceMs: number): NewKey {
    const row = this.#live(which)
    const { secret, digest, hint } = this.#makeSecret()
    const old =
      graceMs === 0 ? undefined : { digest: row.digest, until: this.#options.now() + graceMs }
    return { key: this.#keep({ ...row, digest, hint, old }, 'rotated'), secret }
  }

  /** For good. */
  revoke(which: string): VirtualKey {
    return this.#keep({ ...this.#live(which), revokedAt: this.#options.now() }, 'revoked')
  }

  /** The key was used now. */
  used(id: string): void {
    const now = this.#options.now()
    const key = this.#keys.get(id)
    if (key === undefined) return
    this.#keys.set(id, { ...key, lastUsedAt: now })
    if (now - (this.#usedKept.get(id) ?? 0) < USED_EVERY_MS) return
    this.#usedKept.set(id, now)
    this.#store.used(id, now)
  }

  #live(which: string): KeyRow {
    const { id, name, revokedAt } = this.get(which)
    const row = this.#rows.get(id)
    if (row !== undefined && revokedAt === undefined) return row
    throw new HanseError('HANSE_REQUEST_INVALID', `the key ${name} was revoked: make a new one`)
  }

  #checkName(name: string): void {
    if (!NAME.test(name) || name.startsWith('key_') || name === OWNER)
      throw new HanseError(
        'HANSE_REQUEST_INVALID',
        `name: 1 to 64 letters, digits, spaces and . _ @ / -, not beginning with key_; ${OWNER} is taken`,
      )
    if (this.list().some((key) => key.name === name && key.revokedAt === undefined))
      throw new HanseError('HANSE_REQUEST_INVALID', `name: there is a key ${name} already`)
  }

  #makeSecret(): { secret: string; digest: Uint8Array; hint: string } {
    const random = Buffer.from(this.#options.random(SECRET_BYTES)).toString('base64url')
    const secret = `hanse_sk_${random}`
    return { secret, digest: digestOf(secret), hint: secret.slice(-HINT_CHARS) }
  }

  #keep(row: KeyRow, action: KeyAction): VirtualKey {
    this.#store.update(row)
    return this.#changed(row, action)
  }

  #changed(row: KeyRow, action: KeyAction): VirtualKey {
    const key = this.#remember(row)
    this.#options.onChange?.(key, action)
    return key
  }

  #remember(row: KeyRow): VirtualKey {
    const before = this.#rows.get(row.id)
    for (const digest of digestsOf(before)) this.#digests.delete(digest)
    for (const digest of digestsOf(row)) this.#digests.set(digest, row.id)
    const { id, name, hint, createdAt, revokedAt } = row
    const key: VirtualKey = {
      id,
      name,
      hint,
      terms: readTerms(row.terms),
      createdAt,
      revokedAt,
      lastUsedAt: this.#keys.get(id)?.lastUsedAt ?? row.lastUsedAt,
    }
    this.#rows.set(id, row)
    this.#keys.set(id, key)
    return key
  }
}

function digestsOf(row: KeyRow | undefined): string[] {
  if (row === undefined) return []
  const digests = row.old === undefined ? [row.digest] : [row.digest, row.old.digest]
  return digests.map((digest) => Buffer.from(digest).toString('hex'))
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
