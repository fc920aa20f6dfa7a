import { type SQL, sql } from 'drizzle-orm'
import { lockOrganization } from '../access/member-store.ts'
import { revokeAllOf } from '../authorizations/revoke-all.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import {
  BASIS_VERSION,
  type Basis,
  type BasisPurpose,
  type BasisRecord,
  lackOfBasis,
} from './lawful-basis.ts'

/** Why organizations may have their data processed here. */
export function basisStore(db: Database) {
  return {
    /** Oldest first. */
    lawfulBases: async (organization: string): Promise<BasisRecord[]> => {
      const found = await rows<StoredBasis>(
        db,
        sql`select purpose, basis, version, given_by as "givenBy", ${ms('given_at')} as "givenAt",
            withdrawn_by as "withdrawnBy", ${ms('withdrawn_at')} as "withdrawnAt"
          from lawful_basis where organization = ${organization} order by purpose, number`,
      )
      return found.map(toRecord)
    },

    /** States a basis; it takes the place of the one that stands. The same again changes nothing. */
    giveBasis: (given: {
      readonly organization: string
      readonly purpose: BasisPurpose
      readonly basis: Basis
      readonly by: string
      readonly at: number
    }): Promise<void> => transact(db, (tx) => giveBasis(tx, given)),

    /**
     * Ends the basis that stands, and with it what rests on it: open authorizations are revoked.
     *
     * @returns how many were; undefined where none stood
     */
    withdrawBasis: (given: {
      readonly organization: string
      readonly purpose: BasisPurpose
      readonly by: string
      readonly at: number
    }): Promise<number | undefined> =>
      transact(db, async (tx) => {
        const { organization, purpose, by, at } = given
        await lockOrganization(tx, organization)
        const basis = await endStanding(tx, given)
        if (basis === undefined) return undefined
        const revoked = await revokeAllOf(tx, { kind: 'organization', id: organization }, at)
        const details = { organization, purpose, basis, by, revoked }
        const owner = ownerOf('organization', organization)
        await writeEvents(tx, [{ kind: 'consent-withdrawn', record: null, owner, details }], at)
        return revoked
      }),
  }
}

/** What is said of it where an organization is made. */
export interface StatedBasis {
  readonly basis: Basis
  readonly by: string
}

/** For what is done here, where something is said. */
export async function stateBasis(
  tx: Database,
  organization: string,
  stated: StatedBasis | undefined,
  at: number,
): Promise<void> {
  if (stated === undefined) return
  await giveBasis(tx, { organization, purpose: 'inference', ...stated, at })
}

type StoredBasis = Omit<BasisRecord, 'givenAt' | 'withdrawnAt'> & {
  readonly givenAt: string
  readonly withdrawnAt: string | null
}

export async function giveBasis(
  tx: Database,
  given: {
    readonly organization: string
    readonly purpose: BasisPurpose
    readonly basis: Basis
    readonly by: string
    readonly at: number
  },
): Promise<void> {
  const { organization, purpose, basis, by, at } = given
  // Of two who state one at once, the second one's takes the place of the first one's.
  await lockOrganization(tx, organization)
  const [standing] = await rows<{ basis: string; version: string }>(
    tx,
    sql`select basis, version from lawful_basis
      where organization = ${organization} and purpose = ${purpose} and withdrawn_at is null`,
  )
  if (standing?.basis === basis && standing.version === BASIS_VERSION) return
  await endStanding(tx, given)
  await tx.execute(sql`insert into lawful_basis (organization, purpose, number, basis, version, given_by, given_at)
    select ${organization}, ${purpose}, coalesce(max(number), 0) + 1, ${basis}, ${BASIS_VERSION}, ${by}, ${iso(at)}
    from lawful_basis where organization = ${organization} and purpose = ${purpose}`)
  const details = { organization, purpose, basis, version: BASIS_VERSION, by }
  const owner = ownerOf('organization', organization)
  await writeEvents(tx, [{ kind: 'consent-given', record: null, owner, details }], at)
}

/** What was last stated for a purpose. */
export type LastBasis = Pick<BasisRecord, 'version' | 'withdrawnAt'>

/** The row of `LastBasis`, locked: who withdraws waits for what was begun, and ends it. */
export const lockBasis = (organization: string, purpose: BasisPurpose = 'inference'): SQL =>
  sql`select version, (extract(epoch from withdrawn_at) * 1000)::int8 as "withdrawnAt" from lawful_basis
    where organization = ${organization} and purpose = ${purpose} order by number desc limit 1 for share`

/**
 * Nothing is processed for an organization without a basis.
 *
 * @throws {SettlementError} HANSE_LAWFUL_BASIS_REQUIRED
 */
export function requireBasis(last: LastBasis | null): void {
  const why = lackOfBasis(last ?? undefined)
  if (why !== undefined) throw new SettlementError('HANSE_LAWFUL_BASIS_REQUIRED', why)
}

async function endStanding(
  tx: Database,
  {
    organization,
    purpose,
    by,
    at,
  }: { organization: string; purpose: BasisPurpose; by: string; at: number },
): Promise<string | undefined> {
  const [ended] = await rows<{ basis: string }>(
    tx,
    sql`update lawful_basis set withdrawn_by = ${by}, withdrawn_at = ${iso(at)}
      where organization = ${organization} and purpose = ${purpose} and withdrawn_at is null returning basis`,
  )
  return ended?.basis
}

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::int8::text`)
const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

const toRecord = ({ givenAt, withdrawnAt, ...rest }: StoredBasis): BasisRecord => ({
  ...rest,
  givenAt: Number(givenAt),
  withdrawnAt: withdrawnAt === null ? null : Number(withdrawnAt),
})
