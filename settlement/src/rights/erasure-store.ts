import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { tablesOf } from '../backup/catalog.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { planDeletions } from '../deletion/plan-deletions.ts'
import { restrictKeys } from '../documents/document-keys.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { destroyKey, subjectKeys } from '../log/subject-keys.ts'
import { writeEvents } from '../log/write-events.ts'
import { emptyPerson } from '../people/erase-store.ts'
import { clearableColumns, clearedFor, clearedSql } from './cleared-values.ts'
import { blockersOf } from './erasure-blockers.ts'
import { type Erased, REGISTER, SUBJECT_KINDS, type SubjectKind } from './register/index.ts'
import type { Subject } from './request-store.ts'
import { rowsAbout } from './rows-about.ts'
import { tombstoneOf } from './tombstone.ts'

/** What became of one table's rows about the subject. */
export interface ErasedTable {
  readonly table: string
  readonly rows: number
  readonly outcome: Erased
  /** Of what is kept: why. */
  readonly because?: string
}

export interface ErasureReport {
  /** Hex; see `tombstoneOf`. */
  readonly tombstone: string
  readonly kind: SubjectKind
  /** Milliseconds since 1970. */
  readonly at: number
  readonly tables: readonly ErasedTable[]
  /** When what it freed in the database's files was overwritten. */
  readonly scrubbedAt: number | null
}

export interface ErasureOrder {
  readonly subject: Subject
  readonly at: number
  /** What is left of prepaid money is given up. */
  readonly givesUpBalance: boolean
  /** After a restore: it was decided long ago. */
  readonly isRepeated?: boolean
  /** Nodes that know the subject are asked to erase, too. */
  readonly tellsNodes?: boolean
  /** The request that it answers. */
  readonly request?: string
}

/** Erasures of everything about a subject, as the register says. */
export function erasureStore(db: Database) {
  return {
    /**
     * Deletes, empties and makes unreadable what is held about a subject, in one transaction, and logs that. What the law
     * wants kept stays and is named. A second time it changes nothing.
     *
     * @returns the report, and whether it was made now; for a person the address that they had
     * @throws {SettlementError} HANSE_LAST_OWNER, HANSE_ERASURE_BLOCKED, HANSE_NOT_FOUND, and then nothing was changed
     */
    eraseData: (
      order: ErasureOrder,
    ): Promise<{ report: ErasureReport; isNew: boolean; email?: string }> =>
      transact(db, (tx) => erase(tx, order)),

    /** Why it cannot be done now, each with what to do. */
    erasureBlockers: (order: ErasureOrder): Promise<string[]> => blockersOf(db, order),

    erasureOf: (subject: Subject): Promise<ErasureReport | undefined> =>
      read(db, tombstoneOf(subject)),

    /** All tombstones, oldest first, in hex, with the opaque subject that each had in the log. */
    tombstones: (): Promise<Tombstone[]> =>
      rows<Tombstone>(
        db,
        sql`select encode(tombstone, 'hex') as tombstone, encode(subject, 'hex') as subject, kind,
            (extract(epoch from at) * 1000)::float8 as at
          from erasure order by at, tombstone`,
      ),

    /** Which of the subjects that the database has were erased elsewhere, or before a backup of it was restored. */
    subjectsOf: async (tombstones: readonly string[]): Promise<Subject[]> => {
      const wanted = new Set(tombstones)
      const found: Subject[] = []
      for (const kind of SUBJECT_KINDS) {
        const ids = await rows<{ id: string }>(db, sql.raw(SUBJECTS[kind]))
        for (const { id } of ids)
          if (wanted.has(tombstoneOf({ kind, id }))) found.push({ kind, id })
      }
      return found
    },
  }
}

export interface Tombstone {
  readonly tombstone: string
  readonly subject: string
  readonly kind: SubjectKind
  readonly at: number
}

const SUBJECTS: Readonly<Record<SubjectKind, string>> = {
  person: 'select id from person',
  organization: 'select id from organization',
  provider: 'select peer_id as id from provider',
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

async function erase(
  tx: Database,
  order: ErasureOrder,
): Promise<{ report: ErasureReport; isNew: boolean; email?: string }> {
  const { subject, at } = order
  const tombstone = tombstoneOf(subject)
  // Of two who erase the same at once, the second finds that it was done.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${tombstone}, 0))`)
  const earlier = await read(tx, tombstone)
  if (earlier !== undefined) return { report: earlier, isNew: false }
  await refuseUnknown(tx, subject)
  if (order.isRepeated !== true) await refuseBlocked(tx, order)
  const { isRepeated = false, tellsNodes = false, request = null } = order
  if (tellsNodes) await planDeletions(tx, { subject, tombstone, request, at })
  const email =
    subject.kind === 'person'
      ? await emptyPerson(tx, subject.id, at, { isRepeated, keepsOwn: true })
      : undefined
  await emptyStripeEvents(tx, subject)
  const tables = await eraseRows(tx, subject)
  await afterwards(tx, subject, at)
  const owner = ownerOf(subject.kind, subject.id)
  // Who has had nothing sealed gets a key to lose: the log then holds every erasure in one form.
  await subjectKeys(tx, [owner], at, randomBytes)
  const opaque = await destroyKey(tx, owner, at)
  if (opaque === undefined) throw new Error('a subject without a key')
  await tx.execute(sql`insert into erasure (tombstone, subject, kind, report, at)
    values (decode(${tombstone}, 'hex'), decode(${Buffer.from(opaque).toString('hex')}, 'hex'), ${subject.kind},
      ${JSON.stringify(tables)}::jsonb, ${iso(at)})`)
  const fact = {
    kind: 'erasure',
    record: null,
    owner: null,
    details: null,
    subject: opaque,
  } as const
  await writeEvents(tx, [fact], at)
  const report = { tombstone, kind: subject.kind, at, tables, scrubbedAt: null }
  return { report, isNew: true, ...(email !== undefined && { email }) }
}

async function refuseUnknown(tx: Database, { kind, id }: Subject): Promise<void> {
  const column = kind === 'provider' ? 'peer_id' : 'id'
  const found = await rows(
    tx,
    sql`select from ${sql.identifier(kind)} where ${sql.identifier(column)} = ${id} for update`,
  )
  if (found.length === 0) throw new SettlementError('HANSE_NOT_FOUND', `no ${kind} of this id`)
}

async function refuseBlocked(tx: Database, order: ErasureOrder): Promise<void> {
  const blockers = await blockersOf(tx, order)
  if (blockers.length > 0) throw new SettlementError('HANSE_ERASURE_BLOCKED', blockers.join('; '))
}

/** Children before parents, so that whose a row is can still be seen. */
async function eraseRows(tx: Database, subject: Subject): Promise<ErasedTable[]> {
  await tx.execute(sql`set local hanse.erasing = 'on'`)
  const done: ErasedTable[] = []
  for (const { name } of (await tablesOf(tx)).toReversed()) {
    const erased = await eraseTable(tx, name, subject)
    if (erased !== undefined && erased.rows > 0) done.push(erased)
  }
  await tx.execute(sql`set local hanse.erasing = 'off'`)
  return done.sort((a, b) => (a.table < b.table ? -1 : 1))
}

async function eraseTable(
  tx: Database,
  table: string,
  subject: Subject,
): Promise<ErasedTable | undefined> {
  const record = REGISTER[table]
  const outcome = record?.erased?.[subject.kind]
  const about = rowsAbout(table, subject)
  if (outcome === undefined || about === undefined) return undefined
  const because = record?.because
  const stays = { table, outcome, ...(because !== undefined && { because }) }
  const name = sql.identifier(table)
  if (outcome === 'deleted') {
    return {
      table,
      outcome,
      rows: await count(tx, sql`with gone as (delete from ${name} where ${about} returning 1)`),
    }
  }
  const columns =
    outcome === 'emptied' ? clearedFor(table, subject.kind, await clearableColumns(tx, table)) : []
  if (columns.length === 0) {
    return {
      ...stays,
      rows: await count(tx, sql`with gone as (select 1 from ${name} where ${about})`),
    }
  }
  const sets = columns.map(
    (column) => sql`${sql.identifier(column.name)} = ${clearedSql(table, column)}`,
  )
  const update = sql`update ${name} set ${sql.join(sets, sql`, `)} where ${about}`
  return { ...stays, rows: await count(tx, sql`with gone as (${update} returning 1)`) }
}

async function count(tx: Database, gone: ReturnType<typeof sql>): Promise<number> {
  const [row] = await rows<{ count: number }>(
    tx,
    sql`${gone} select count(*)::int4 as count from gone`,
  )
  return row?.count ?? 0
}

/** What Stripe told of them: it was understood when it came. */
async function emptyStripeEvents(tx: Database, { kind, id }: Subject): Promise<void> {
  if (kind === 'person') return
  const held =
    kind === 'organization'
      ? sql`select customer as name from billing_customer where organization = ${id}`
      : sql`select unnest(array[account, former_account]) as name from provider where peer_id = ${id}`
  await tx.execute(sql`update stripe_event e set body = '' from (${held}) s
    where s.name is not null and position(convert_to(s.name, 'UTF8') in e.body) > 0`)
}

/** What no column of the register alone can say. */
async function afterwards(tx: Database, { kind, id }: Subject, at: number): Promise<void> {
  if (kind !== 'person') await restrictKeys(tx, { kind, id }, at)
  if (kind === 'organization') {
    await tx.execute(
      sql`update organization set disabled_at = coalesce(disabled_at, ${iso(at)}) where id = ${id}`,
    )
  }
}

async function read(db: Database, tombstone: string): Promise<ErasureReport | undefined> {
  const [row] = await rows<Omit<ErasureReport, 'tombstone'>>(
    db,
    sql`select kind, report as tables, (extract(epoch from at) * 1000)::float8 as at,
        (extract(epoch from scrubbed_at) * 1000)::float8 as "scrubbedAt"
      from erasure where tombstone = decode(${tombstone}, 'hex')`,
  )
  return row && { tombstone, ...row }
}
