import { budgetTermsSchema } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { BudgetRow } from './budget.ts'

interface StoredBudget {
  readonly id: string
  readonly organization: string
  readonly terms: unknown
  readonly created_by: string
  readonly created_at: string
  readonly updated_at: string
}

const COLUMNS = sql.raw(
  `id, organization, terms, created_by, (extract(epoch from created_at) * 1000)::text as created_at,
  (extract(epoch from updated_at) * 1000)::text as updated_at`,
)

/** In one order. */
export const budgetsOf = (db: Database, organization: string): Promise<BudgetRow[]> =>
  select(db, sql`organization = ${organization}`)

/** In one order, so that two transactions never wait for each other; until the end of this one nobody else has them. */
export const lockBudgets = (tx: Database, organization: string): Promise<BudgetRow[]> =>
  select(tx, sql`organization = ${organization}`, sql`for no key update`)

/** Of those of an organization, one; locked, where it is to be changed. */
export async function budgetOf(
  db: Database,
  organization: string,
  id: string,
  lock?: 'lock',
): Promise<BudgetRow | undefined> {
  const where = sql`organization = ${organization} and id = ${id}`
  const [found] = await select(db, where, lock && sql`for no key update`)
  return found
}

async function select(db: Database, where: SQL, lock: SQL = sql``): Promise<BudgetRow[]> {
  const found = await rows<StoredBudget>(
    db,
    sql`select ${COLUMNS} from budget where ${where} and removed_at is null order by id ${lock}`,
  )
  return found.map((row) => ({
    id: row.id,
    organization: row.organization,
    rule: budgetTermsSchema.parse(row.terms),
    createdBy: row.created_by,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  }))
}
