import {
  afterDefault,
  afterPayment,
  isForgotten,
  PAYER_LIMITS,
  type PayerRecord,
  type PayerStanding,
  type PicoEuro,
  picoEuro,
  type SpendAuthorization,
  standingOf,
  strictestOf,
} from '@hanse/protocol'
import { type Database, isDiskFault } from './database.ts'

/** What a session came to, pico-euro. */
export interface SessionSettled {
  readonly paid: PicoEuro
  /** Sent and not countersigned. */
  readonly unpaid: PicoEuro
}

/** Some 100 bytes each; of more, those are forgotten whose last default is longest ago. */
export const PAYERS_MAX = 10_000

/**
 * Whose word a session's payment rests on: the peer, and the organization that settlement names behind it. Keys are free, so
 * that whoever has an organization is known by that, too.
 */
export function payersOf(
  consumer: string,
  authorization: SpendAuthorization | undefined,
): string[] {
  const peer = `peer/${consumer}`
  return authorization === undefined ? [peer] : [peer, organizationPayer(authorization)]
}

export function organizationPayer({
  issuer,
  organization,
}: Pick<SpendAuthorization, 'issuer' | 'organization'>): string {
  return `organization/${issuer}/${organization}`
}

/** Who has left windows unpaid at this provider, for as long as that counts. Whoever pays is not in it. */
export class PayerStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** The worse of what is known of them. */
  standing(payers: readonly string[], now: number): PayerStanding {
    return strictestOf(payers.map((payer) => standingOf(this.of(payer), now)))
  }

  of(payer: string): PayerRecord | undefined {
    const [row] = this.#db.bigints('select * from payer_default where payer = ?', payer)
    if (row === undefined) return undefined
    return {
      defaults: Number(row.defaults),
      lastAt: Number(row.last_at),
      owed: picoEuro(row.owed as bigint),
    }
  }

  /** Written before it is `committed`. A disk that is full forgets it: a session that is over cannot be held open. */
  ended(payers: readonly string[], { paid, unpaid }: SessionSettled, now: number): void {
    try {
      this.#db.write(() => {
        for (const payer of payers) {
          const before = this.of(payer)
          const known = isForgotten(before, now) ? undefined : before
          const after = known && paid > 0n ? afterPayment(known, paid) : known
          if (unpaid > 0n) this.#put(payer, afterDefault(after, unpaid, now))
          else if (after !== undefined && after !== known) this.#put(payer, after)
        }
        if (unpaid > 0n) this.#prune(now)
      })
    } catch (error) {
      if (!isDiskFault(error)) throw error
    }
  }

  #put(payer: string, { defaults, lastAt, owed }: PayerRecord): void {
    this.#db
      .prepare(
        `insert into payer_default (payer, defaults, last_at, owed) values (?, ?, ?, ?)
         on conflict (payer) do update set defaults = excluded.defaults, last_at = excluded.last_at, owed = excluded.owed`,
      )
      .run(payer, defaults, lastAt, owed)
  }

  #prune(now: number): void {
    this.#db
      .prepare('delete from payer_default where last_at <= ?')
      .run(now - PAYER_LIMITS.forgetMs)
    this.#db
      .prepare(
        `delete from payer_default where payer in (
           select payer from payer_default order by last_at desc, payer limit -1 offset ?)`,
      )
      .run(PAYERS_MAX)
  }
}
