import { HanseError } from '@hanse/protocol'
import type { BasisRecord, PrivacyStore } from '../store/privacy-store.ts'
import { POLICY_VERSION, PURPOSE } from './policy-text.ts'

/** GDPR, Article 6(1), a to f. */
export const BASES = [
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
] as const
export type Basis = (typeof BASES)[number]

export interface BasisState {
  /** The one that stands; without it nothing is processed. */
  readonly standing: BasisRecord | undefined
  /** All, oldest first. */
  readonly history: readonly BasisRecord[]
  /** Of the text as it is now. */
  readonly version: string
}

export type BasisAction = 'given' | 'withdrawn'

export interface LawfulBasisOptions {
  readonly now: () => number
  /** After it was kept. */
  readonly onChange?: (action: BasisAction, record: BasisRecord) => void
}

/** Why this node may process personal data. In EU mode it processes nothing before that is stated. */
export class LawfulBasis {
  readonly #store: PrivacyStore
  readonly #options: LawfulBasisOptions
  #history: readonly BasisRecord[]

  constructor(store: PrivacyStore, options: LawfulBasisOptions) {
    this.#store = store
    this.#options = options
    this.#history = store.bases(PURPOSE)
  }

  state(): BasisState {
    return { standing: this.#standing(), history: this.#history, version: POLICY_VERSION }
  }

  /** @throws {HanseError} HANSE_CONSENT_REQUIRED */
  require(): void {
    if (this.#standing() !== undefined) return
    const last = this.#history.at(-1)
    const why =
      last === undefined
        ? 'no lawful basis for processing was stated'
        : last.withdrawnAt !== undefined
          ? `the lawful basis was withdrawn at ${new Date(last.withdrawnAt).toISOString()}`
          : `the lawful basis was stated to version ${last.version} of the text, which is now ${POLICY_VERSION}`
    throw new HanseError('HANSE_CONSENT_REQUIRED', why)
  }

  /** States a basis; it takes the place of the one that stands. */
  give(basis: Basis, by: string): BasisState {
    const givenAt = this.#options.now()
    if (this.#history.some(({ withdrawnAt }) => withdrawnAt === undefined))
      this.#store.withdrawBases(PURPOSE, givenAt, by)
    this.#store.addBasis({ purpose: PURPOSE, basis, version: POLICY_VERSION, givenAt, givenBy: by })
    return this.#changed('given')
  }

  /**
   * States a basis as a setting does: once. What was withdrawn is not stated again by starting again.
   *
   * @returns whether it was stated now
   */
  giveBySetting(basis: Basis): boolean {
    const standing = this.#standing()
    const wasWithdrawn = this.#history.at(-1)?.withdrawnAt !== undefined
    if (standing?.basis === basis || wasWithdrawn) return false
    this.give(basis, 'a setting')
    return true
  }

  /** @throws {HanseError} HANSE_NOT_FOUND when none stands */
  withdraw(by: string): BasisState {
    if (this.#history.every(({ withdrawnAt }) => withdrawnAt !== undefined))
      throw new HanseError('HANSE_NOT_FOUND', 'no lawful basis stands that could be withdrawn')
    this.#store.withdrawBases(PURPOSE, this.#options.now(), by)
    return this.#changed('withdrawn')
  }

  #changed(action: BasisAction): BasisState {
    this.#history = this.#store.bases(PURPOSE)
    const last = this.#history.at(-1)
    if (last !== undefined) this.#options.onChange?.(action, last)
    return this.state()
  }

  #standing(): BasisRecord | undefined {
    const last = this.#history.at(-1)
    return last?.withdrawnAt === undefined && last?.version === POLICY_VERSION ? last : undefined
  }
}
