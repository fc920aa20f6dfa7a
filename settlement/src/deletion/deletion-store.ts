import type { DeletionConfirmation } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { type LogFact, ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'
import { tombstoneOf } from '../rights/tombstone.ts'
import type { Side } from './plan-deletions.ts'

export const DELETION_STATES = ['open', 'partial', 'confirmed', 'expired'] as const
/**
 * Nothing was answered; something is still kept that will go; all that can go is gone; the time was over first. What is
 * confirmed late is confirmed.
 */
export type DeletionState = (typeof DELETION_STATES)[number]

/** What one node is asked to erase, and what it said to that; times in milliseconds since 1970. */
export interface DeletionRow {
  readonly id: bigint
  readonly request: string | null
  readonly node: string
  readonly side: Side
  readonly part: number
  readonly consumers: readonly string[]
  readonly authorizations: readonly string[]
  readonly at: number
  readonly dueAt: number
  readonly cid: string | null
  readonly signed: Uint8Array | null
  readonly fetchedAt: number | null
  readonly remindedAt: number | null
  readonly state: DeletionState
  readonly endedAt: number | null
  /** The last one; null before the first. */
  readonly confirmation: {
    readonly cid: string
    readonly sequence: number
    readonly erased: readonly { readonly class: string; readonly count: string }[]
    readonly kept: readonly {
      readonly class: string
      readonly reason: string
      readonly count: string
      readonly until: number | null
    }[]
    readonly at: number
    readonly receivedAt: number
  } | null
}

export interface DeletionQuery {
  readonly request?: string
  readonly node?: string
  readonly state?: DeletionState
  /** Not confirmed. */
  readonly isOpen?: boolean
  /** Whether an answer may still come in time. */
  readonly isWaiting?: boolean
  readonly isUnsigned?: boolean
  /** In their order after this one; newest first without. */
  readonly after?: bigint
  readonly before?: bigint
  readonly limit: number
}

/** As the record has it. */
export interface NewConfirmation
  extends Pick<DeletionConfirmation, 'node' | 'side' | 'sequence' | 'erased' | 'kept' | 'at'> {
  readonly cid: string
  /** CID of what it answers. */
  readonly request: string
  readonly signed: Uint8Array
  readonly isComplete: boolean
}

/** What nodes were asked to erase, and what they answered. */
export function deletionStore(db: Database) {
  return {
    deletionRequests: async (query: DeletionQuery): Promise<DeletionRow[]> => {
      const { after, before, limit } = query
      const found = await rows<StoredRow>(
        db,
        sql`select ${COLUMNS} from deletion_request d where ${where(query)}
          and ${after === undefined ? sql`true` : sql`d.id > ${after.toString()}::int8`}
          and ${before === undefined ? sql`true` : sql`d.id < ${before.toString()}::int8`}
          order by d.id ${after === undefined ? sql`desc` : sql`asc`} limit ${limit}`,
      )
      return found.map(toRow)
    },

    deletionByCid: async (cid: string): Promise<DeletionRow | undefined> =>
      (
        await rows<StoredRow>(
          db,
          sql`select ${COLUMNS} from deletion_request d where d.cid = ${cid}`,
        )
      )
        .map(toRow)
        .at(0),

    /** Keeps the record that a request is; the first one stays. */
    signDeletion: (id: bigint, cid: string, signed: Uint8Array, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const [row] = await rows<{ node: string; side: Side }>(
          tx,
          sql`update deletion_request set cid = ${cid}, signed = ${bytea(signed)}
            where id = ${id.toString()}::int8 and cid is null returning node, side`,
        )
        if (row === undefined) return
        await writeEvents(tx, [await factOf(tx, row, cid, { step: 'asked' })], at)
      }),

    /** A node has been given these. */
    deletionsFetched: async (ids: readonly bigint[], at: number): Promise<void> => {
      if (ids.length === 0) return
      await db.execute(
        sql`update deletion_request set fetched_at = ${iso(at)}
          where id = any(${`{${ids.join(',')}}`}::int8[]) and fetched_at is null`,
      )
    },

    /**
     * Keeps what a node says it has erased. The same again changes nothing, and so does what it said before its last word.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND; HANSE_DELETION_CONFIRMATION when somebody else was asked
     */
    confirmDeletion: (given: NewConfirmation, at: number): Promise<DeletionRow> =>
      transact(db, (tx) => confirm(tx, given, at)),

    /** Of those that nobody answered by then, and that operators were not told of, which they now are. */
    remindOfDeletions: (dueBy: number, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const due = await rows<{ id: string; node: string; dueAt: string }>(
          tx,
          sql`update deletion_request set reminded_at = ${iso(at)}
            where state in ('open', 'partial') and due_at <= ${iso(dueBy)} and reminded_at is null
            returning id::text as id, node, ${ms('due_at')} as "dueAt"`,
        )
        const events = due.map(({ id, node, dueAt }) => ({
          organization: null,
          kind: 'rights.deletion_due' as const,
          subject: node,
          cause: `deletion/${id}`,
          facts: { node, dueAt: new Date(Number(dueAt)).toISOString() },
        }))
        await emitEvents(tx, events, at)
        return due.length
      }),

    /** Those whose time is over. */
    expireDeletions: (at: number): Promise<number> =>
      transact(db, async (tx) => {
        const over = await rows<{ id: string; node: string; side: Side; cid: string | null }>(
          tx,
          sql`update deletion_request set state = 'expired', ended_at = ${iso(at)}
            where state in ('open', 'partial') and due_at <= ${iso(at)} returning id::text as id, node, side, cid`,
        )
        const facts: LogFact[] = []
        for (const row of over)
          facts.push(await factOf(tx, row, null, { step: 'expired', request: row.cid ?? '' }))
        await writeEvents(tx, facts, at)
        return over.length
      }),

    /** Requests of subjects whose erasure is done here, and for which no node has to answer any more; with how it went. */
    erasuresAnswered: async (): Promise<AnsweredErasure[]> =>
      await rows<AnsweredErasure>(
        db,
        sql`select r.id as request, count(*) filter (where d.state = 'confirmed')::int4 as confirmed,
            count(*) filter (where d.state = 'expired' and d.sequence < 0)::int4 as silent,
            count(*) filter (where d.state = 'expired' and d.sequence >= 0)::int4 as keeping
          from rights_request r join deletion_request d on d.rights_request = r.id
          where r.kind = 'erasure' and r.state = 'in-progress'
          group by r.id having bool_and(d.ended_at is not null)`,
      ),
  }
}

/** How many records were asked, by what came of it. */
export interface AnsweredErasure {
  readonly request: string
  readonly confirmed: number
  readonly silent: number
  /** Answered, and something still waits to be paid. */
  readonly keeping: number
}

async function confirm(tx: Database, given: NewConfirmation, at: number): Promise<DeletionRow> {
  const { cid, signed, isComplete } = given
  const [locked] = await rows<StoredRow>(
    tx,
    sql`select ${COLUMNS} from deletion_request d where d.cid = ${given.request} for update of d`,
  )
  if (locked === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such request')
  const row = toRow(locked)
  if (row.node !== given.node || row.side !== given.side) {
    throw new SettlementError('HANSE_DELETION_CONFIRMATION', 'another node was asked')
  }
  const last = row.confirmation
  if (last !== null && given.sequence <= last.sequence) return row
  const shown = (list: readonly object[]) => JSON.stringify(list, asText)
  await tx.execute(sql`insert into deletion_confirmation
      (request, sequence, cid, signed, erased, kept, is_complete, at, received_at)
    values (${row.id.toString()}::int8, ${given.sequence}::int4, ${cid}, ${bytea(signed)}, ${shown(given.erased)}::jsonb,
      ${shown(given.kept)}::jsonb, ${isComplete}, ${iso(given.at)}, ${iso(at)})`)
  const state = isComplete ? 'confirmed' : row.state === 'open' ? 'partial' : row.state
  const endedAt = isComplete ? at : row.endedAt
  await tx.execute(sql`update deletion_request set state = ${state}, sequence = ${given.sequence}::int4,
      ended_at = ${endedAt === null ? sql`null::timestamptz` : iso(endedAt)}
    where id = ${row.id.toString()}::int8`)
  const details = { step: isComplete ? 'confirmed' : 'partly', request: row.cid ?? '' }
  await writeEvents(tx, [await factOf(tx, row, cid, details)], at)
  const [after] = await rows<StoredRow>(
    tx,
    sql`select ${COLUMNS} from deletion_request d where d.id = ${row.id.toString()}::int8`,
  )
  if (after === undefined) throw new Error('a row that vanished')
  return toRow(after)
}

/** Sealed for the provider that it is about; of a consumer’s node, which is the erased one’s, nothing is said. */
async function factOf(
  tx: Database,
  { node, side }: { readonly node: string; readonly side: Side },
  record: string | null,
  details: Readonly<Record<string, string>>,
): Promise<LogFact> {
  const gone = await rows(
    tx,
    sql`select from erasure where tombstone = decode(${tombstoneOf({ kind: 'provider', id: node })}, 'hex')`,
  )
  if (side === 'consumer' || gone.length > 0)
    return { kind: 'deletion', record, owner: null, details: null }
  return {
    kind: 'deletion',
    record,
    owner: ownerOf('provider', node),
    details: { ...details, provider: node },
  }
}

function where({ request, node, state, isOpen, isWaiting, isUnsigned }: DeletionQuery): SQL {
  return sql`${request === undefined ? sql`true` : sql`d.rights_request = ${request}`}
    and ${node === undefined ? sql`true` : sql`d.node = ${node}`}
    and ${state === undefined ? sql`true` : sql`d.state = ${state}`}
    and ${isOpen === true ? sql`d.state <> 'confirmed'` : sql`true`}
    and ${isWaiting === true ? sql`d.ended_at is null` : sql`true`}
    and ${isUnsigned === true ? sql`d.cid is null` : sql`true`}`
}

type StoredRow = Omit<
  DeletionRow,
  | 'id'
  | 'at'
  | 'dueAt'
  | 'fetchedAt'
  | 'remindedAt'
  | 'endedAt'
  | 'signed'
  | 'consumers'
  | 'authorizations'
  | 'confirmation'
> &
  Record<'id' | 'at' | 'dueAt', string> &
  Record<'fetchedAt' | 'remindedAt' | 'endedAt' | 'signed', string | null> &
  Record<'consumers' | 'authorizations', readonly string[]> & {
    readonly confirmation: DeletionRow['confirmation']
  }

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::int8::text`)
const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const bytea = (bytes: Uint8Array) => sql`decode(${Buffer.from(bytes).toString('base64')}, 'base64')`

const COLUMNS = sql`d.id::text as id, d.rights_request as request, d.node, d.side, d.part,
  to_json(d.consumers) as consumers, to_json(d.authorizations) as authorizations,
  ${ms('d.at')} as at, ${ms('d.due_at')} as "dueAt", d.cid, encode(d.signed, 'base64') as signed,
  ${ms('d.fetched_at')} as "fetchedAt", ${ms('d.reminded_at')} as "remindedAt", d.state, ${ms('d.ended_at')} as "endedAt",
  (select json_build_object('cid', c.cid, 'sequence', c.sequence, 'erased', c.erased, 'kept', c.kept,
      'at', (extract(epoch from c.at) * 1000)::int8, 'receivedAt', (extract(epoch from c.received_at) * 1000)::int8)
    from deletion_confirmation c where c.request = d.id and c.sequence = d.sequence) as confirmation`

const timeOf = (text: string | null) => (text === null ? null : Number(text))

const toRow = (row: StoredRow): DeletionRow => ({
  ...row,
  id: BigInt(row.id),
  at: Number(row.at),
  dueAt: Number(row.dueAt),
  fetchedAt: timeOf(row.fetchedAt),
  remindedAt: timeOf(row.remindedAt),
  endedAt: timeOf(row.endedAt),
  signed: row.signed === null ? null : Uint8Array.from(Buffer.from(row.signed, 'base64')),
})

/** Counts have more digits than a number of JSON. */
const asText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value
