import { decodeCanonical, HanseError, logEvent, openPersonal } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { contentsOf } from '../documents/stored-document.ts'
import { ownerOf } from '../log/log-fact.ts'
import { columnsOf } from './register/index.ts'
import type { Subject } from './request-store.ts'
import { rowsAbout } from './rows-about.ts'

/** Where a page of a table ended: the place of its last row. */
export interface RowPlace {
  readonly table: string
  readonly row: string
}

export interface ExportPage {
  /** JSON, each. */
  readonly rows: readonly string[]
  readonly next: RowPlace | null
}

export interface TrailEvent {
  /** Its place in the log; none until the next checkpoint. */
  readonly leaf: string | null
  readonly kind: string
  readonly at: number
  /** What it says of the subject. */
  readonly details: unknown
  /** Base64: what the log commits to, and the salt of the commitment. */
  readonly body: string
  readonly salt: string
}

/** More than any record that is sealed has. */
const SEALED_BYTES_MAX = 65_536
const PAGE = 500

/** What is held about a subject, as the register finds it. */
export function exportStore(db: Database) {
  return {
    /** The next rows of a table about a subject, as JSON; what is sealed with the subject's key is open in them. */
    exportPage: async (
      subject: Subject,
      table: string,
      after: RowPlace | null,
    ): Promise<ExportPage> => {
      const about = rowsAbout(table, subject)
      if (about === undefined) return { rows: [], next: null }
      const beyond =
        after === null
          ? sql`true`
          : sql`(tableoid, ctid) > (${after.table}::oid, ${after.row}::tid)`
      const found = await rows<{ line: string; table: string; row: string }>(
        db,
        sql`select row_to_json(t)::text as line, tableoid::text as "table", ctid::text as row
          from ${sql.identifier(table)} t where ${about} and ${beyond}
          order by t.tableoid, t.ctid limit ${PAGE}`,
      )
      const key = await keyOf(db, subject)
      const lines = table === 'document' ? await openedDocuments(db, found) : found
      const last = found.length < PAGE ? undefined : found.at(-1)
      return {
        rows: lines.map(({ line }) => shownRow(table, line, key)),
        next: last === undefined ? null : { table: last.table, row: last.row },
      }
    },

    /** What the log tells of a subject, in its order. */
    exportTrail: async (
      subject: Subject,
      after: string,
    ): Promise<{ id: string; event: TrailEvent }[]> => {
      const key = await keyOf(db, subject)
      if (key === undefined) return []
      const found = await rows<{
        id: string
        leaf: string | null
        body: string
        salt: string
      }>(
        db,
        sql`select e.id::text as id, e.leaf::text as leaf, encode(e.body, 'base64') as body, encode(e.salt, 'base64') as salt
          from log_event e join subject_key k on k.subject = e.subject
          where k.owner = ${ownerOf(subject.kind, subject.id)} and e.id > ${after}::int8
          order by e.id limit ${PAGE}`,
      )
      return found.map(({ id, ...event }) => ({ id, event: shownEvent(event, key) }))
    },
  }
}

/** With what they say, which has keys of its own; what only duties may open stays shut. */
async function openedDocuments(
  db: Database,
  found: readonly { readonly line: string }[],
): Promise<{ line: string }[]> {
  const shut = found.map(({ line }) => JSON.parse(line, keepDigits) as Record<string, unknown>)
  const contents = await contentsOf(
    db,
    shut.map((row) => ({
      content: bytesOf(row.content) ?? null,
      sealed: bytesOf(row.sealed) ?? null,
      sealedBy: bytesOf(row.sealed_by) ?? null,
    })),
  )
  return shut.map((row, i) => {
    const content = contents[i]
    const shown = content && `\\x${Buffer.from(content).toString('hex')}`
    return { line: JSON.stringify({ ...row, content: shown ?? null, sealed: null }) }
  })
}

async function keyOf(db: Database, { kind, id }: Subject): Promise<Uint8Array | undefined> {
  const [row] = await rows<{ key: string }>(
    db,
    sql`select encode(key, 'base64') as key from subject_key
      where owner = ${ownerOf(kind, id)} and key is not null`,
  )
  return row && Uint8Array.from(Buffer.from(row.key, 'base64'))
}

/** Without what proves who somebody is: a copy of that would be another key to their account. */
function shownRow(table: string, line: string, key: Uint8Array | undefined): string {
  const row = JSON.parse(line, keepDigits) as Record<string, unknown>
  for (const { column, class: dataClass } of columnsOf(table)) {
    if (dataClass === 'credential') delete row[column]
    else if (dataClass === 'sealed') row[column] = opened(bytesOf(row[column]), key)
    else if (typeof row[column] === 'string') row[column] = shownText(row[column])
  }
  return JSON.stringify(row)
}

/** Numbers beyond a double are given as text: money has more digits. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value)
    ? source
    : value
}

/** Bytes that are text, such as an invoice, are shown as that. */
function shownText(value: string): unknown {
  const bytes = bytesOf(value)
  if (bytes === undefined) return value
  const text = Buffer.from(bytes).toString('utf8')
  if (!text.startsWith('{')) return value
  try {
    return JSON.parse(text)
  } catch {
    return value
  }
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^\\x(?:[0-9a-f]{2})*$/u.test(value)) return undefined
  return Uint8Array.from(Buffer.from(value.slice(2), 'hex'))
}

/** Records are sealed as DAG-CBOR, some as JSON, and files as they are. */
function opened(sealed: Uint8Array | undefined, key: Uint8Array | undefined): unknown {
  if (sealed === undefined || key === undefined) return null
  const bytes = openedBytes(key, sealed)
  if (bytes === undefined) return null
  for (const read of [readRecord, readJson]) {
    try {
      return read(bytes)
    } catch {
      // It is of another form.
    }
  }
  return Buffer.from(bytes).toString('base64')
}

const readRecord = (bytes: Uint8Array): unknown => plain(decodeCanonical(bytes, SEALED_BYTES_MAX))
const readJson = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'))

/** Undefined where it was sealed with a key that was destroyed. */
function openedBytes(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return openPersonal(key, sealed)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return undefined
    throw error
  }
}

function shownEvent(
  event: { leaf: string | null; body: string; salt: string },
  key: Uint8Array,
): TrailEvent {
  const { kind, at, sealed } = logEvent.decode(Uint8Array.from(Buffer.from(event.body, 'base64')))
  return { ...event, kind, at, details: sealed === null ? null : opened(sealed, key) }
}

/** As JSON can have it. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'bigint') return part.toString()
      return part instanceof Uint8Array ? Buffer.from(part).toString('base64') : part
    }),
  )
