import { and, asc, desc, eq, isNull, lt } from 'drizzle-orm'
import type { PlatformRole } from '../access/roles.ts'
import { type Database, databaseFault } from '../db/database.ts'
import { operator, operatorAction } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import type { Operator } from './operator.ts'

export interface OperatorRow {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly role: PlatformRole
  readonly createdBy: string
  readonly createdAt: number
  readonly revokedBy: string | null
  readonly revokedAt: number | null
}

export interface OperatorAction {
  readonly id: bigint
  /** Id of the operator. */
  readonly operator: string
  /** Method and route. */
  readonly action: string
  readonly path: string
  readonly at: number
}

/** The people who may act for the platform, and what they did. */
export function operatorStore(db: Database) {
  return {
    /** @throws {SettlementError} HANSE_OPERATOR_TAKEN when the name was ever given */
    createOperator: async (given: {
      readonly id: string
      readonly name: string
      readonly prefix: string
      readonly hash: Uint8Array
      readonly role: PlatformRole
      readonly createdBy: string
      readonly at: number
    }): Promise<void> => {
      const { at, ...row } = given
      try {
        await db.insert(operator).values({ ...row, createdAt: new Date(at) })
      } catch (error) {
        if (databaseFault(error)?.code !== '23505') throw error
        throw new SettlementError('HANSE_OPERATOR_TAKEN', `there is an operator ${given.name}`, {
          cause: error,
        })
      }
    },

    /** Those who may act now. */
    operatorByPrefix: async (
      prefix: string,
    ): Promise<(Operator & { hash: Uint8Array }) | undefined> => {
      const [row] = await db
        .select({
          id: operator.id,
          name: operator.name,
          role: operator.role,
          hash: operator.hash,
        })
        .from(operator)
        .where(and(eq(operator.prefix, prefix), isNull(operator.revokedAt)))
      return row
    },

    operators: async (): Promise<OperatorRow[]> =>
      (await db.select().from(operator).orderBy(asc(operator.createdAt), asc(operator.id))).map(
        ({ createdAt, revokedAt, hash: _secret, ...row }) => ({
          ...row,
          createdAt: createdAt.getTime(),
          revokedAt: revokedAt?.getTime() ?? null,
        }),
      ),

    /** For good; repeated, it changes nothing. @returns whether there is such an operator */
    revokeOperator: async (id: string, by: string, at: number): Promise<boolean> => {
      await db
        .update(operator)
        .set({ revokedBy: by, revokedAt: new Date(at) })
        .where(and(eq(operator.id, id), isNull(operator.revokedAt)))
      const found = await db.select({ id: operator.id }).from(operator).where(eq(operator.id, id))
      return found.length > 0
    },

    recordAction: async (done: Omit<OperatorAction, 'id'>): Promise<void> => {
      await db.insert(operatorAction).values({ ...done, at: new Date(done.at) })
    },

    /** Newest first. */
    operatorActions: async (query: {
      readonly before?: bigint
      readonly limit: number
      readonly operator?: string
    }): Promise<OperatorAction[]> => {
      const { before, limit, operator: by } = query
      const found = await db
        .select()
        .from(operatorAction)
        .where(
          and(
            before === undefined ? undefined : lt(operatorAction.id, before),
            by === undefined ? undefined : eq(operatorAction.operator, by),
          ),
        )
        .orderBy(desc(operatorAction.id))
        .limit(limit)
      return found.map((row) => ({ ...row, at: row.at.getTime() }))
    },
  }
}
