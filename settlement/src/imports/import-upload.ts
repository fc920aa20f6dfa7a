import type { SettlementContext } from '../context.ts'
import { csvRows } from './csv.ts'
import type { ExactJson } from './exact-json.ts'
import type { JsonFormat, ReadTerms } from './formats/format.ts'
import { FORMATS, type FormatName } from './formats/index.ts'
import { jsonItems } from './json-items.ts'
import { type LineCode, LineFault } from './line-fault.ts'
import { decoded, type Item } from './lines.ts'
import { protobufSpans } from './otlp-protobuf.ts'
import { tableOrJson } from './table-or-json.ts'
import { digestOf, type RawUsage, type UsageRecord, usageRecord } from './usage-record.ts'
import type { NewUsage, UsageOutcome } from './write-usage.ts'

/** Rows of one transaction: a fifth of a second or so, in which nobody else imports for this organization. */
const BATCH_ROWS = 2_000
/** An hour of a busy gateway; beyond it an upload is sent in parts. */
export const ROWS_MAX = 500_000
/** Lines that are named in the answer; the rest are counted. */
const TOLD_MAX = 100

export interface Upload {
  readonly organization: string
  readonly source: string
  readonly format: FormatName
  /** Of `otlp`: as protobuf in place of JSON. */
  readonly isProtobuf?: boolean
  readonly mapping: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
  /** Reads and checks, and writes nothing. */
  readonly isDryRun: boolean
}

export interface Rejected {
  readonly line: number
  readonly code: LineCode
  readonly message: string
}

export interface ImportResult {
  readonly accepted: number
  /** Of them it was known already, word for word. */
  readonly duplicates: number
  /** What is no usage of a model. */
  readonly ignored: number
  readonly rejectedCount: number
  /** The first hundred. */
  readonly rejected: readonly Rejected[]
  /** Why it was not read to its end; what was taken before stays. */
  readonly stopped: Rejected | null
}

/**
 * Reads a file as it arrives and takes each record of it once. A record that is wrong never fails its neighbours, and the
 * same file may come again, whole, in parts, and in any order.
 */
export async function importUpload(
  context: SettlementContext,
  upload: Upload,
): Promise<ImportResult> {
  const tally = new Tally()
  const batch: { line: number; record: UsageRecord }[] = []
  const flush = async (): Promise<void> => {
    const rows = batch.splice(0)
    if (rows.length > 0) await take(context, upload, rows, tally)
  }
  let line = 0
  try {
    for await (const read of recordsOf(upload, { now: context.now(), mapping: upload.mapping })) {
      line = read.line
      if (++tally.read > ROWS_MAX) {
        throw new LineFault('HANSE_IMPORT_LIMIT', `more than ${ROWS_MAX} records`)
      }
      if (read.value instanceof LineFault) tally.reject(read.line, read.value)
      else if (read.value === undefined) tally.ignored++
      else batch.push({ line: read.line, record: read.value })
      if (batch.length === BATCH_ROWS) await flush()
    }
  } catch (error) {
    if (!(error instanceof LineFault)) throw error
    tally.stop(line + 1, error)
  }
  await flush()
  const result = tally.result()
  await tellOfFailure(context, upload, result)
  return result
}

/** Whoever sent it sees the answer; who looks after it may be somebody else. */
async function tellOfFailure(
  { store, now }: SettlementContext,
  { organization, source, format, isDryRun }: Upload,
  { accepted, duplicates, rejectedCount: rejected, rejected: [first], stopped }: ImportResult,
): Promise<void> {
  const isNothing = accepted + duplicates === 0 && rejected > 0
  if (isDryRun || (stopped === null && !isNothing)) return
  const at = now()
  const code = (stopped ?? first)?.code ?? ''
  const event = { organization, kind: 'import.failed' as const, subject: source }
  const facts = { format, code, accepted, rejected }
  await store.emitEvents([{ ...event, cause: `${source} ${at}`, facts }], at)
}

/** Each record of a file, or why it is none. */
async function* recordsOf(
  { format, isProtobuf = false, body }: Upload,
  terms: ReadTerms,
): AsyncGenerator<{ line: number; value: UsageRecord | LineFault | undefined }> {
  const chosen = FORMATS[format]
  if (chosen.layout === 'csv') {
    for await (const { line, value } of csvRows(decoded(body))) {
      yield { line, value: attempt(value, (row) => chosen.read(row, terms), terms) }
    }
    return
  }
  const items = isProtobuf ? protobufSpans(body) : itemsOf(chosen, decoded(body))
  for await (const { line, value } of items) {
    for (const unit of value instanceof LineFault ? [value] : chosen.units(value)) {
      yield { line, value: attempt(unit, (one) => chosen.read(one, terms), terms) }
    }
  }
}

const itemsOf = (
  { isTable = false }: JsonFormat,
  texts: AsyncIterable<string>,
): AsyncIterable<Item<ExactJson>> => (isTable ? tableOrJson(texts) : jsonItems(texts))

function attempt<Value>(
  value: Value | LineFault,
  read: (value: Value) => RawUsage | undefined,
  { now }: ReadTerms,
): UsageRecord | LineFault | undefined {
  if (value instanceof LineFault) return value
  try {
    const raw = read(value)
    return raw === undefined ? undefined : usageRecord(raw, now)
  } catch (error) {
    if (error instanceof LineFault) return error
    throw error
  }
}

async function take(
  { store, now }: SettlementContext,
  { organization, source, isDryRun }: Upload,
  batch: readonly { line: number; record: UsageRecord }[],
  tally: Tally,
): Promise<void> {
  const rows: NewUsage[] = batch.map(({ record }) => ({ ...record, digest: digestOf(record) }))
  const where = { organization, source, at: now() }
  const outcomes = isDryRun
    ? tally.unseen(rows, await store.knownExternalUsage(where, rows))
    : await store.addExternalUsage(where, rows)
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome === 'accepted') tally.accepted++
    else if (outcome === 'duplicate') tally.duplicates++
    else tally.reject(batch[i]?.line ?? 0, conflict())
  }
}

const conflict = (): LineFault =>
  new LineFault('HANSE_IMPORT_CONFLICT', 'something else is stored under this id')

class Tally {
  read = 0
  accepted = 0
  duplicates = 0
  ignored = 0
  #rejectedCount = 0
  readonly #rejected: Rejected[] = []
  #stopped: Rejected | null = null

  /** What a dry run would have written before. */
  readonly #seen = new Map<string, string>()

  /** Of a dry run: what an earlier batch of the same file would have taken is not new any more. */
  unseen(rows: readonly NewUsage[], outcomes: readonly UsageOutcome[]): UsageOutcome[] {
    return outcomes.map((outcome, i): UsageOutcome => {
      const { id = '', digest = '' } = rows[i] ?? {}
      const seen = this.#seen.get(id)
      if (outcome !== 'accepted') return outcome
      if (seen !== undefined) return seen === digest ? 'duplicate' : 'conflict'
      this.#seen.set(id, digest)
      return outcome
    })
  }

  reject(line: number, { code, message }: LineFault): void {
    this.#rejectedCount++
    if (this.#rejected.length < TOLD_MAX) this.#rejected.push({ line, code, message })
  }

  stop(line: number, { code, message }: LineFault): void {
    this.#stopped = { line, code, message }
  }

  result(): ImportResult {
    const { accepted, duplicates, ignored } = this
    const rejected = this.#rejected.toSorted((a, b) => a.line - b.line)
    return {
      accepted,
      duplicates,
      ignored,
      rejectedCount: this.#rejectedCount,
      rejected,
      stopped: this.#stopped,
    }
  }
}
