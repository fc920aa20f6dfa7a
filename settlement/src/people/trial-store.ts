import type { PicoEuro } from '@hanse/protocol'
import { and, count, eq, isNull, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { apiKey, member, organization, person, trialGrant } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { accountId, PROMOTIONS } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { type StatedBasis, stateBasis } from '../rights/basis-store.ts'
import type { Scope } from '../tenants/key-scopes.ts'
import type { TrialClaim } from './trial.ts'

export interface NewTenant {
  readonly organization: string
  readonly name: string
  /** Its owner. */
  readonly person: string
  readonly key: {
    readonly prefix: string
    readonly hash: Uint8Array
    readonly scopes: readonly Scope[]
  }
  /** Without it there is no trial. */
  readonly trial?: TrialClaim & { readonly amount: PicoEuro }
  readonly basis?: StatedBasis
  readonly at: number
}

/** Firms of one person, and what they try out. */
const OWNED_MAX = 20
/** Any number that no other user of the database locks with a second one. */
const LOCK = 4_824_273

/** What a person founds, and the credit that comes with the first. */
export function trialStore(db: Database) {
  return {
    /**
     * An organization, its owner, its first key and, once, the credit of a trial: all of it or nothing.
     *
     * @returns the credit in pico-euro, 0 when there is none for this person
     * @throws {SettlementError} HANSE_ORGANIZATIONS_MAX
     */
    foundOrganization: ({ trial, ...given }: NewTenant): Promise<bigint> =>
      transact(db, async (tx) => {
        const createdAt = new Date(given.at)
        await tx.select().from(person).where(eq(person.id, given.person)).for('update')
        await checkOwned(tx, given.person)
        const { organization: id, name } = given
        await tx.insert(organization).values({ id, name, createdAt })
        await tx
          .insert(member)
          .values({ organization: id, person: given.person, role: 'owner', createdAt })
        await tx.insert(apiKey).values({
          ...given.key,
          scopes: [...given.key.scopes],
          organization: id,
          name: 'first key',
          role: 'owner',
          createdBy: `person:${given.person}`,
          createdAt,
        })
        await stateBasis(tx, id, given.basis, given.at)
        return trial === undefined ? 0n : grant(tx, { ...given, trial })
      }),
  }
}

async function checkOwned(tx: Database, id: string): Promise<void> {
  const owned = await tx.$count(
    member,
    and(eq(member.person, id), eq(member.role, 'owner'), isNull(member.removedAt)),
  )
  if (owned < OWNED_MAX) return
  throw new SettlementError(
    'HANSE_ORGANIZATIONS_MAX',
    `nobody owns more than ${OWNED_MAX} organizations`,
  )
}

/** The table's keys say who had it: of two requests at once, one gets nothing. */
async function grant(
  tx: Database,
  { trial, person: owner, organization: id, at }: NewTenant & Required<Pick<NewTenant, 'trial'>>,
): Promise<bigint> {
  const { mailbox, domain, placesMax, amount } = trial
  const place = placesMax === null ? null : await placesTaken(tx, domain)
  if (placesMax !== null && place !== null && place >= placesMax) return 0n
  const granted = await tx
    .insert(trialGrant)
    .values({ person: owner, organization: id, mailbox, domain, place, amount, at: new Date(at) })
    .onConflictDoNothing()
    .returning({ organization: trialGrant.organization })
  if (granted.length === 0) return 0n
  const credit = accountId('available', id)
  await postTransfers(
    tx,
    [{ debit: PROMOTIONS, credit, amount, kind: 'trial_credit', reference: owner }],
    at,
  )
  return amount
}

/** Until the transaction ends nobody else counts the same domain. */
async function placesTaken(tx: Database, domain: string): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK}::int4, hashtext(${domain}))`)
  const [row] = await tx
    .select({ taken: count() })
    .from(trialGrant)
    .where(eq(trialGrant.domain, domain))
  return row?.taken ?? 0
}
