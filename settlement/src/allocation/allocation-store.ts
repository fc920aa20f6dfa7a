import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { type AllocationPlan, type AllocationRule, rulesSchema } from './plan.ts'

export interface NewPlan {
  readonly organization: string
  /** Such as `2026-11`. */
  readonly effectiveFrom: string
  readonly rules: readonly AllocationRule[]
  readonly createdBy: string
  readonly at: number
}

interface StoredPlan {
  readonly version: number
  readonly month: string
  readonly document: unknown
  readonly created_by: string
  readonly created_at: string
}

const COLUMNS = sql.raw(
  `version::int4 as version, to_char(effective_from, 'YYYY-MM') as month, document, created_by,
  (extract(epoch from created_at) * 1000)::int8::text as created_at`,
)

export function allocationStore(db: Database) {
  return {
    /** Counts from its month on; of several for one month the last does. */
    addAllocationPlan: (given: NewPlan): Promise<AllocationPlan> =>
      transact(db, (tx) => add(tx, given)),

    /** Newest first. */
    allocationPlans: async (
      organization: string,
      page: { readonly before?: number; readonly limit: number },
    ): Promise<AllocationPlan[]> => {
      const { before, limit } = page
      const older = before === undefined ? sql`true` : sql`version < ${before}::int4`
      return select(
        db,
        sql`organization = ${organization} and ${older} order by version desc limit ${limit}`,
      )
    },

    /** @param month such as `2026-11` */
    allocationPlanFor: async (
      organization: string,
      month: string,
    ): Promise<AllocationPlan | undefined> => {
      const [plan] = await select(
        db,
        sql`organization = ${organization} and effective_from <= ${`${month}-01`}::date
          order by effective_from desc, version desc limit 1`,
      )
      return plan
    },
  }
}

/** With the organization's row locked, so that each version is one of its own. */
async function add(
  tx: Database,
  { organization, effectiveFrom, rules, createdBy, at }: NewPlan,
): Promise<AllocationPlan> {
  await tx.execute(sql`select from organization where id = ${organization} for no key update`)
  const [plan] = await rows<StoredPlan>(
    tx,
    sql`insert into allocation_plan (organization, version, effective_from, document, created_by, created_at)
      select ${organization}, coalesce(max(version), 0) + 1, ${`${effectiveFrom}-01`}::date,
        ${JSON.stringify({ rules })}::jsonb, ${createdBy}, ${new Date(at).toISOString()}::timestamptz
      from allocation_plan where organization = ${organization}
      returning ${COLUMNS}`,
  )
  if (plan === undefined) throw new Error('an insert returns its row')
  return toPlan(plan)
}

async function select(db: Database, where: SQL): Promise<AllocationPlan[]> {
  const found = await rows<StoredPlan>(
    db,
    sql`select ${COLUMNS} from allocation_plan where ${where}`,
  )
  return found.map(toPlan)
}

const toPlan = ({
  version,
  month,
  document,
  created_by,
  created_at,
}: StoredPlan): AllocationPlan => ({
  version,
  effectiveFrom: month,
  rules: rulesSchema.parse((document as { rules: unknown }).rules),
  createdBy: created_by,
  createdAt: Number(created_at),
})
