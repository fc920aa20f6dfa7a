import { sql } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { Severity } from '../notifications/event.ts'
import type { Explanation } from './explain-anomaly.ts'
import type { Direction } from './find-anomaly.ts'

/** Amounts in pico-euro. */
export interface NewAnomaly {
  readonly organization: string
  /** Such as `2026-11-24`, in UTC. */
  readonly day: string
  readonly direction: Direction
  readonly severity: Severity
  /** Hours of the day that were compared: 24, or as many as there were. */
  readonly hours: number
  readonly expected: bigint
  readonly lower: bigint
  readonly upper: bigint
  readonly actual: bigint
  readonly score: number
  readonly explanation: Explanation
}

export interface Anomaly extends Omit<NewAnomaly, 'organization'> {
  readonly id: bigint
  /** Milliseconds since 1970. */
  readonly foundAt: number
  readonly acknowledgedAt: number | null
  readonly acknowledgedBy: string | null
  readonly reason: string | null
}

export interface AnomaliesQuery {
  readonly organization: string
  /** Only those that nobody has acknowledged. */
  readonly open?: boolean
  readonly before?: bigint
  readonly limit: number
}

export interface Acknowledgement {
  readonly organization: string
  readonly id: bigint
  readonly actor: string
  readonly reason: string
  readonly at: number
}

export function anomalyStore(db: Database) {
  return {
    /** Once for an organization, day and direction, with the notice of it. @returns whether it is new */
    noteAnomaly: (anomaly: NewAnomaly, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        if (!(await inserted(tx, anomaly, at))) return false
        await announce(tx, anomaly, at)
        return true
      }),

    /** Newest first. */
    anomalies: async ({
      organization,
      open,
      before,
      limit,
    }: AnomaliesQuery): Promise<Anomaly[]> => {
      const found = await rows<StoredAnomaly>(
        db,
        sql`select ${COLUMNS} from spend_anomaly where organization = ${organization}
          and ${open === true ? sql`acknowledged_at is null` : sql`true`}
          and ${before === undefined ? sql`true` : sql`id < ${before.toString()}::int8`}
          order by id desc limit ${limit}`,
      )
      return found.map(toAnomaly)
    },

    /** The first who does it counts. @returns the anomaly as it is then; nothing where there is none */
    acknowledgeAnomaly: async ({
      organization,
      id,
      actor,
      reason,
      at,
    }: Acknowledgement): Promise<Anomaly | undefined> => {
      const mine = sql`organization = ${organization} and id = ${id.toString()}::int8`
      await db.execute(
        sql`update spend_anomaly set acknowledged_at = ${new Date(at).toISOString()}::timestamptz,
          acknowledged_by = ${actor}, reason = ${reason} where ${mine} and acknowledged_at is null`,
      )
      const [found] = await rows<StoredAnomaly>(
        db,
        sql`select ${COLUMNS} from spend_anomaly where ${mine}`,
      )
      return found && toAnomaly(found)
    },
  }
}

/** What the notice of a day is called, for ever. */
const causeOf = ({ day, direction }: NewAnomaly): string => `${day}/${direction}`

async function inserted(tx: Database, anomaly: NewAnomaly, at: number): Promise<boolean> {
  const { organization, day, direction, severity, hours, score, explanation } = anomaly
  const amount = (value: bigint) => sql`${value.toString()}::numeric`
  const found = await rows(
    tx,
    sql`insert into spend_anomaly (organization, day, direction, severity, hours, expected, lower, upper, actual,
        score, explanation, found_at)
      values (${organization}, ${day}::date, ${direction}, ${severity}, ${hours}, ${amount(anomaly.expected)},
        ${amount(anomaly.lower)}, ${amount(anomaly.upper)}, ${amount(anomaly.actual)}, ${score}::float8,
        ${JSON.stringify(explanation)}::jsonb, ${new Date(at).toISOString()}::timestamptz)
      on conflict do nothing returning id`,
  )
  return found.length > 0
}

async function announce(tx: Database, anomaly: NewAnomaly, at: number): Promise<void> {
  const { organization, severity, day, direction, explanation } = anomaly
  const cause = causeOf(anomaly)
  const facts = {
    day,
    direction,
    what: explanation.summary,
    ...(explanation.percent !== null && { percent: explanation.percent }),
  }
  const event = {
    organization,
    kind: 'spend.anomaly' as const,
    severity,
    subject: cause,
    cause,
    facts,
  }
  // Before the notice, whose event of the same cause would have no facts.
  await emitEvents(tx, [event], at)
  await tell(tx, organization, 'spend-anomaly', cause, at)
}

interface StoredAnomaly {
  readonly id: string
  readonly day: string
  readonly direction: Direction
  readonly severity: Severity
  readonly hours: number
  readonly expected: string
  readonly lower: string
  readonly upper: string
  readonly actual: string
  readonly score: number
  readonly explanation: string
  readonly found_at: string
  readonly acknowledged_at: string | null
  readonly acknowledged_by: string | null
  readonly reason: string | null
}

const COLUMNS =
  sql.raw(`id::text, day::text as day, direction, severity, hours, expected::text, lower::text,
  upper::text, actual::text, score, explanation::text as explanation, reason, acknowledged_by,
  (extract(epoch from found_at) * 1000)::int8::text as found_at,
  (extract(epoch from acknowledged_at) * 1000)::int8::text as acknowledged_at`)

const toAnomaly = (row: StoredAnomaly): Anomaly => ({
  id: BigInt(row.id),
  day: row.day,
  direction: row.direction,
  severity: row.severity,
  hours: row.hours,
  expected: BigInt(row.expected),
  lower: BigInt(row.lower),
  upper: BigInt(row.upper),
  actual: BigInt(row.actual),
  score: Number(row.score),
  explanation: JSON.parse(row.explanation) as Explanation,
  foundAt: Number(row.found_at),
  acknowledgedAt: row.acknowledged_at === null ? null : Number(row.acknowledged_at),
  acknowledgedBy: row.acknowledged_by,
  reason: row.reason,
})
