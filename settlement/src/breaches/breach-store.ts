import { sql } from 'drizzle-orm'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { PLATFORM } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'
import { type Breach, type BreachStep, breachOf, dueAt } from './breach.ts'

/** A step as it was taken. */
export interface TakenStep {
  readonly number: number
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly step: BreachStep
}

export interface StoredBreach {
  readonly id: string
  readonly breach: Breach
  readonly steps: readonly TakenStep[]
}

/** A reminder that has its time. */
export interface DueReminder {
  readonly id: string
  readonly hours: number
  readonly dueAt: number
}

export function breachStore(db: Database) {
  return {
    /**
     * Adds a step, if it follows from those before.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_BREACH_STEP
     */
    takeBreachStep: (id: string, step: BreachStep, by: string, at: number): Promise<StoredBreach> =>
      transact(db, (tx) => addStep(tx, id, step, by, at)),

    breach: async (id: string): Promise<StoredBreach | undefined> => {
      const [found] = await read(db, sql`breach = ${id}`)
      return found
    },

    /** Newest first; with `open`, only those that are not closed. */
    breaches: async (query: {
      readonly open: boolean
      readonly before?: string
      readonly limit: number
    }): Promise<StoredBreach[]> => {
      const { open, before, limit } = query
      return read(
        db,
        sql`breach in (select l.breach from breach_step l where l.number = 1
          ${before === undefined ? sql`` : sql`and (l.at, l.breach) < (select b.at, b.breach from breach_step b where b.breach = ${before} and b.number = 1)`}
          ${open ? sql`and (select n.step ->> 'kind' from breach_step n where n.breach = l.breach and n.step ->> 'kind' <> 'noted' order by n.number desc limit 1) <> 'closed'` : sql``}
          order by l.at desc, l.breach desc limit ${limit})`,
      )
    },

    /** Tells operators that the clock runs; each reminder of a breach once, whoever asks. */
    remindOfBreaches: (due: readonly DueReminder[], at: number): Promise<void> =>
      transact(db, (tx) =>
        emitEvents(
          tx,
          due.map(({ id, hours, dueAt: until }) => ({
            organization: null,
            kind: hours >= 72 ? 'breach.overdue' : 'breach.clock',
            subject: id,
            cause: `${id}/${hours}h`,
            facts: { breach: id, hours, due: new Date(until).toISOString() },
          })),
          at,
        ),
      ),
  }
}

async function addStep(
  tx: Database,
  id: string,
  step: BreachStep,
  by: string,
  at: number,
): Promise<StoredBreach> {
  const [before] = await read(tx, sql`breach = ${id}`)
  const earlier = before?.steps ?? []
  if (before === undefined && step.kind !== 'detected') {
    throw new SettlementError('HANSE_NOT_FOUND', `no breach ${id}`)
  }
  const breach = breachOf([...earlier.map((taken) => taken.step), step])
  const number = earlier.length + 1
  try {
    await tx.execute(sql`insert into breach_step (breach, number, by_operator, step, at)
      values (${id}, ${number}, ${by}, ${JSON.stringify(step)}::jsonb, ${new Date(at).toISOString()}::timestamptz)`)
  } catch (error) {
    if (databaseFault(error)?.code !== '23505') throw error
    throw new SettlementError('HANSE_BREACH_STEP', 'somebody else was first: look again', {
      cause: error,
    })
  }
  const details = { breach: id, number, step: step.kind, by }
  await writeEvents(tx, [{ kind: 'breach', record: null, owner: PLATFORM, details }], at)
  if (step.kind === 'detected') await tellOf(tx, id, breach, at)
  return { id, breach, steps: [...earlier, { number, by, at, step }] }
}

const tellOf = (tx: Database, id: string, breach: Breach, at: number): Promise<void> =>
  emitEvents(
    tx,
    [
      {
        organization: null,
        kind: 'breach.detected',
        subject: id,
        cause: id,
        facts: { breach: id, due: new Date(dueAt(breach)).toISOString() },
      },
    ],
    at,
  )

async function read(db: Database, where: ReturnType<typeof sql>): Promise<StoredBreach[]> {
  const found = await rows<{
    id: string
    number: number
    by: string
    at: string
    step: BreachStep
  }>(
    db,
    sql`select breach as id, number, by_operator as by, step,
        (extract(epoch from at) * 1000)::int8::text as at
      from breach_step where ${where} order by breach, number`,
  )
  const byId = Map.groupBy(found, ({ id }) => id)
  return [...byId]
    .map(([id, all]) => ({
      id,
      breach: breachOf(all.map(({ step }) => step)),
      steps: all.map(({ number, by, at, step }) => ({ number, by, at: Number(at), step })),
    }))
    .sort((a, b) => (b.steps[0]?.at ?? 0) - (a.steps[0]?.at ?? 0) || (a.id < b.id ? 1 : -1))
}
