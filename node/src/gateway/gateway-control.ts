import { HanseError, type PicoEuro } from '@hanse/protocol'
import type { Basis, BasisState, LawfulBasis } from '../privacy/lawful-basis.ts'
import type { KeyBook, NewKey, VirtualKey } from './keys/key-book.ts'
import type { KeyTerms } from './keys/key-terms.ts'
import type { LedgerCheck, SpendLedger } from './keys/spend-ledger.ts'

/** A key, and what it has spent. */
export interface KeyStatus extends VirtualKey {
  readonly state: 'active' | 'disabled' | 'expired' | 'revoked'
  /** In the period of its budget, by receipts of ended sessions; pico-euro. */
  readonly spent: PicoEuro
  /** For what runs. */
  readonly reserved: PicoEuro
  /** When the budget begins anew, ms since 1970; `undefined` when it does not. */
  readonly renewsAt: number | undefined
}

/** What an owner may ask of a gateway, whether it runs or lies in its data folder. Never holds a secret but a new one. */
export interface GatewayControl {
  /** Oldest first. */
  keys(): KeyStatus[]
  createKey(name: string, terms: Partial<KeyTerms>): NewKey
  updateKey(which: string, changes: Partial<KeyTerms>, name?: string): VirtualKey
  rotateKey(which: string, graceMs: number): NewKey
  revokeKey(which: string): VirtualKey
  /** What was counted beside what all receipts come to. */
  checkSpend(): LedgerCheck[]
  /** @throws {HanseError} HANSE_NOT_FOUND where EU mode is off; so do the next two */
  basis(): BasisState
  giveBasis(basis: Basis, by: string): BasisState
  withdrawBasis(by: string): BasisState
}

export interface GatewayDeskOptions {
  readonly book: KeyBook
  readonly ledger: SpendLedger
  /** `undefined` where EU mode is off. */
  readonly basis: LawfulBasis | undefined
  readonly now: () => number
}

export class GatewayDesk implements GatewayControl {
  readonly #options: GatewayDeskOptions

  constructor(options: GatewayDeskOptions) {
    this.#options = options
  }

  keys(): KeyStatus[] {
    return this.#options.book.list().map((key) => this.#statusOf(key))
  }

  createKey(name: string, terms: Partial<KeyTerms>): NewKey {
    return this.#options.book.create(name, terms)
  }

  updateKey(which: string, changes: Partial<KeyTerms>, name?: string): VirtualKey {
    return this.#options.book.update(which, changes, name)
  }

  rotateKey(which: string, graceMs: number): NewKey {
    return this.#options.book.rotate(which, graceMs)
  }

  revokeKey(which: string): VirtualKey {
    return this.#options.book.revoke(which)
  }

  checkSpend(): LedgerCheck[] {
    return this.#options.ledger.check()
  }

  basis(): BasisState {
    return this.#basis().state()
  }

  giveBasis(basis: Basis, by: string): BasisState {
    return this.#basis().give(basis, by)
  }

  withdrawBasis(by: string): BasisState {
    return this.#basis().withdraw(by)
  }

  #basis(): LawfulBasis {
    const { basis } = this.#options
    if (basis !== undefined) return basis
    throw new HanseError(
      'HANSE_NOT_FOUND',
      'EU mode is off (HANSE_EU_AUDIT=false): no basis is asked for',
    )
  }

  #statusOf(key: VirtualKey): KeyStatus {
    const { ledger, now } = this.#options
    const budget = ledger.state(key.id)
    const end = budget?.span.to ?? Infinity
    return {
      ...key,
      state: stateOf(key, now()),
      spent: budget?.spent ?? NOTHING,
      reserved: budget?.reserved ?? NOTHING,
      renewsAt: end === Infinity ? undefined : end,
    }
  }
}

const NOTHING = 0n as PicoEuro

function stateOf({ terms, revokedAt }: VirtualKey, now: number): KeyStatus['state'] {
  if (revokedAt !== undefined) return 'revoked'
  if (terms.disabled) return 'disabled'
  return terms.expiresAt !== null && now >= terms.expiresAt ? 'expired' : 'active'
}
