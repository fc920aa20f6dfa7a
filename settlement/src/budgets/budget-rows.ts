import { budgetTermsSchema } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { BudgetRow } from './budget.ts'

export interface StoredBudget {
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
  read(db, select(sql`organization = ${organization}`))

/**
 * The rows of an organization's budgets, as a statement or a part of one: in one order, so that two transactions never wait
 * for each other; until the end of this one nobody else has them.
 */
export const budgetsToLock = (organization: string): SQL =>
  sql`${select(sql`organization = ${organization}`)} for no key update`

export const lockBudgets = (tx: Database, organization: string): Promise<BudgetRow[]> =>
  read(tx, budgetsToLock(organization))

/** Of those of an organization, one; locked, where it is to be changed. */
export async function budgetOf(
  db: Database,
  organization: string,
  id: string,
  lock?: 'lock',
): Promise<BudgetRow | undefined> {
  const one = select(sql`organization = ${organization} and id = ${id}`)
  const [found] = await read(db, lock === undefined ? one : sql`${one} for no key update`)
  return found
}

const select = (where: SQL): SQL =>
  sql`select ${COLUMNS} from budget where ${where} and removed_at is null order by id`

const read = async (db: Database, statement: SQL): Promise<BudgetRow[]> =>
  (await rows<StoredBudget>(db, statement)).map(toBudget)

export const toBudget = (row: StoredBudget): BudgetRow => ({
  id: row.id,
  organization: row.organization,
  rule: budgetTermsSchema.parse(row.terms),
  createdBy: row.created_by,
  createdAt: Number(row.created_at),
  updatedAt: Number(row.updated_at),
})
