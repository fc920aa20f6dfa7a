import { pipeline, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import type { SettlementStore } from '../db/store.ts'
import type { RowPlace, TrailEvent } from './export-store.ts'
import { KEPT, PURPOSES, REGISTER, type TableRecord } from './register/index.ts'
import type { Subject } from './request-store.ts'
import { TAR_END, tarEntry } from './tar.ts'

/** How far an export is. */
export interface ExportProgress {
  readonly tablesDone: number
  readonly tablesAll: number
  readonly records: number
}

export interface ExportOptions {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly onProgress?: (progress: ExportProgress) => Promise<void>
  readonly signal?: AbortSignal
}

/** What of a table is in the archive, and what is not and why. */
interface IndexTable {
  readonly table: string
  readonly purpose: string
  readonly basis: string
  readonly kept: string
  readonly onErasure: string
  readonly because?: string
  readonly records?: number
  readonly files?: readonly string[]
  readonly notExported?: string
}

/**
 * Everything that is held about a subject, as a compressed archive (`.tar.gz`) of JSON files: rows by table, the audit trail,
 * and an index that says what there is, why it is held, and what is not in it. It is made as it is read, and never whole in
 * memory.
 */
export function exportArchive(
  store: SettlementStore,
  subject: Subject,
  options: ExportOptions,
): Readable {
  const gzip = createGzip()
  // What goes wrong reading reaches whoever reads the archive.
  pipeline(Readable.from(entries(store, subject, options)), gzip, () => undefined)
  return gzip
}

async function* entries(
  store: SettlementStore,
  subject: Subject,
  { at, onProgress, signal }: ExportOptions,
): AsyncGenerator<Uint8Array> {
  const tables = Object.keys(REGISTER).toSorted()
  const index: IndexTable[] = []
  let records = 0
  for (const [i, table] of tables.entries()) {
    signal?.throwIfAborted()
    const record = REGISTER[table]
    if (record === undefined) continue
    const about = describe(table, record, subject)
    if (record.notExported !== undefined) {
      index.push({ ...about, notExported: record.notExported })
      continue
    }
    const files: string[] = []
    let count = 0
    for await (const rows of pages(store, subject, table)) {
      const name = `tables/${table}-${String(files.length + 1).padStart(4, '0')}.json`
      files.push(name)
      count += rows.length
      yield tarEntry({ name, bytes: jsonList(rows) }, at)
    }
    records += count
    if (count > 0) index.push({ ...about, records: count, files })
    await onProgress?.({ tablesDone: i + 1, tablesAll: tables.length, records })
    await setImmediate()
  }
  let trailFiles = 0
  let trailEvents = 0
  for await (const events of trailOf(store, subject)) {
    signal?.throwIfAborted()
    const name = `audit-trail-${String(++trailFiles).padStart(4, '0')}.json`
    trailEvents += events.length
    yield tarEntry({ name, bytes: jsonList(events.map((event) => JSON.stringify(event))) }, at)
  }
  const erasure = await store.erasureOf(subject)
  const all = {
    format: 'hanse-data-export-1',
    subject,
    at: new Date(at).toISOString(),
    records,
    tables: index,
    auditTrail: trailEvents,
    erasure: erasure ?? null,
  }
  yield tarEntry(
    { name: 'index.json', bytes: Buffer.from(`${JSON.stringify(all, null, 2)}\n`) },
    at,
  )
  yield TAR_END
}

async function* pages(
  store: SettlementStore,
  subject: Subject,
  table: string,
): AsyncGenerator<readonly string[]> {
  for (let after: RowPlace | null = null; ; ) {
    const page = await store.exportPage(subject, table, after)
    if (page.rows.length > 0) yield page.rows
    if (page.next === null) return
    after = page.next
  }
}

async function* trailOf(
  store: SettlementStore,
  subject: Subject,
): AsyncGenerator<readonly TrailEvent[]> {
  for (let after = '0'; ; ) {
    const found = await store.exportTrail(subject, after)
    const last = found.at(-1)
    if (last === undefined) return
    yield found.map(({ event }) => event)
    after = last.id
  }
}

function describe(table: string, record: TableRecord, { kind }: Subject): IndexTable {
  const because = record.because
  return {
    table,
    purpose: PURPOSES[record.purpose],
    basis: record.basis,
    kept: KEPT[record.kept],
    onErasure: record.erased?.[kind] ?? 'not touched',
    ...(because !== undefined && { because }),
  }
}

const jsonList = (rows: readonly string[]): Uint8Array => Buffer.from(`[\n${rows.join(',\n')}\n]\n`)
