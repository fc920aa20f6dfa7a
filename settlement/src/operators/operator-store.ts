import { and, asc, desc, eq, isNull, lt } from 'drizzle-orm'
import type { PlatformRole } from '../access/roles.ts'
import { type Database, databaseFault, transact } from '../db/database.ts'
import { operator, operatorAction, operatorPerson, person } from '../db/schema.ts'
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
  /** Who signs in as this operator. */
  readonly person: { readonly id: string; readonly email: string } | null
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

    /** As whom a person acts: neither revoked, nor the link between them ended. */
    operatorOfPerson: async (id: string): Promise<Operator | undefined> => {
      const [row] = await db
        .select({ id: operator.id, name: operator.name, role: operator.role })
        .from(operatorPerson)
        .innerJoin(operator, eq(operator.id, operatorPerson.operator))
        .where(
          and(
            eq(operatorPerson.person, id),
            isNull(operatorPerson.endedAt),
            isNull(operator.revokedAt),
          ),
        )
      return row
    },

    /**
     * Lets a person sign in as an operator. Once made, neither of them is ever linked to anybody else.
     *
     * @returns `gone` where there is no such operator any more, `taken` where one of the two is somebody else already
     */
    linkOperator: (given: {
      readonly operator: string
      readonly person: string
      readonly by: string
      readonly at: number
    }): Promise<'linked' | 'gone' | 'taken'> =>
      transact(db, async (tx) => {
        const [found] = await tx
          .select({ id: operator.id })
          .from(operator)
          .where(and(eq(operator.id, given.operator), isNull(operator.revokedAt)))
          .for('update')
        if (found === undefined) return 'gone'
        const link = { linkedBy: given.by, linkedAt: new Date(given.at) }
        await tx
          .insert(operatorPerson)
          .values({ operator: given.operator, person: given.person, ...link })
          .onConflictDoNothing()
        const made = await tx
          .update(operatorPerson)
          .set({ ...link, endedBy: null, endedAt: null })
          .where(
            and(
              eq(operatorPerson.operator, given.operator),
              eq(operatorPerson.person, given.person),
            ),
          )
          .returning({ operator: operatorPerson.operator })
        return made.length === 0 ? 'taken' : 'linked'
      }),

    /** Repeated, it changes nothing. @returns whether there was ever such a link */
    unlinkOperator: async (id: string, by: string, at: number): Promise<boolean> => {
      await db
        .update(operatorPerson)
        .set({ endedBy: by, endedAt: new Date(at) })
        .where(and(eq(operatorPerson.operator, id), isNull(operatorPerson.endedAt)))
      const found = await db
        .select({ operator: operatorPerson.operator })
        .from(operatorPerson)
        .where(eq(operatorPerson.operator, id))
      return found.length > 0
    },

    operators: async (): Promise<OperatorRow[]> => {
      const found = await db
        .select({ row: operator, person: person.id, email: person.email })
        .from(operator)
        .leftJoin(
          operatorPerson,
          and(eq(operatorPerson.operator, operator.id), isNull(operatorPerson.endedAt)),
        )
        .leftJoin(person, eq(person.id, operatorPerson.person))
        .orderBy(asc(operator.createdAt), asc(operator.id))
      return found.map(({ row: { createdAt, revokedAt, hash: _secret, ...row }, ...linked }) => ({
        ...row,
        createdAt: createdAt.getTime(),
        revokedAt: revokedAt?.getTime() ?? null,
        person: linked.person === null ? null : { id: linked.person, email: linked.email ?? '' },
      }))
    },

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
