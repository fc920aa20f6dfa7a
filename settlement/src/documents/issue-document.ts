import { and, desc, eq, lt, sql } from 'drizzle-orm'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { document } from '../db/schema.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'
import { canonicalJson } from './canonical-json.ts'
import { type DocumentContent, type DocumentDraft, SERIES } from './document.ts'
import { issuedFact } from './document-digest.ts'
import { keyForNew } from './document-keys.ts'
import { sealsDocuments } from './sealing.ts'
import {
  hashOf,
  LISTED,
  type ListedDocument,
  type StoredDocument,
  sealedColumns,
  storedOf,
  toListed,
} from './stored-document.ts'

/** A document to be numbered and stored; whose it is follows from its kind. */
export interface NewDocument {
  readonly draft: DocumentDraft
  /** An organization's id, or a provider's peer id. */
  readonly party: string
  readonly at: number
}

/** Digits that keep a year's documents in order by name: a million of a kind. */
const DIGITS = 6

/**
 * Gives a document its number and stores it, in one transaction: a number is taken exactly when there is a document that
 * has it. There is one document of a kind on a subject; asked for again, that one is the answer.
 */
export async function issueDocument(db: Database, given: NewDocument): Promise<StoredDocument> {
  const { kind, subject } = given.draft
  const known = await documentOn(db, kind, subject)
  if (known !== undefined) return known
  try {
    return await transact(db, (tx) => issue(tx, given))
  } catch (error) {
    if (databaseFault(error)?.constraint !== 'document_once') throw error
    const winner = await documentOn(db, kind, subject)
    if (winner === undefined) throw error
    return winner
  }
}

async function issue(tx: Database, { draft, party, at }: NewDocument): Promise<StoredDocument> {
  const { kind, subject, corrects, period } = draft
  const number = await nextNumber(tx, `${SERIES[kind]}-${new Date(at).getUTCFullYear()}`)
  const issued: DocumentContent = { ...draft, number, issuedAt: at }
  const content = Buffer.from(canonicalJson(issued))
  const isProviders = kind === 'provider-statement'
  const isMonths = isProviders || kind === 'usage-statement'
  const owner = { kind: isProviders ? 'provider' : 'organization', id: party } as const
  const [row] = await tx
    .insert(document)
    .values({
      number,
      kind,
      subject,
      organization: isProviders ? null : party,
      provider: isProviders ? party : null,
      corrects: corrects?.number ?? null,
      month: isMonths && period !== null ? new Date(period.from).toISOString().slice(0, 10) : null,
      taxPoint: new Date(draft.taxPoint),
      ...((await sealsDocuments(tx))
        ? sealedColumns(await keyForNew(tx, owner, at), content)
        : { content }),
      sha256: hashOf(content),
      issuedAt: new Date(at),
    })
    .returning()
  if (row === undefined) throw new Error('a document that was not stored')
  await writeEvents(tx, [issuedFact(row)], at)
  if (row.organization !== null) {
    const told = { kind: 'document.issued' as const, subject: number, cause: number }
    await emitEvents(tx, [{ organization: row.organization, ...told, facts: { kind } }], at)
  }
  return { ...toListed(row), content }
}

/** The row of the series is locked until the end: of two documents at once, one waits for the other's number. */
async function nextNumber(tx: Database, series: string): Promise<string> {
  const [row] = await rows<{ last: number }>(
    tx,
    sql`insert into document_series (name, last) values (${series}, 1)
      on conflict (name) do update set last = document_series.last + 1 returning last::int4 as last`,
  )
  return `${series}-${String(row?.last).padStart(DIGITS, '0')}`
}

export async function documentOn(
  db: Database,
  kind: DocumentDraft['kind'],
  subject: string,
): Promise<StoredDocument | undefined> {
  const [row] = await db
    .select()
    .from(document)
    .where(and(eq(document.kind, kind), eq(document.subject, subject)))
  return row && storedOf(db, row)
}

/** The latest statement of a party before a month, which says what it begins with. */
export async function statementBefore(
  db: Database,
  kind: 'usage-statement' | 'provider-statement',
  party: string,
  from: number,
): Promise<ListedDocument | undefined> {
  const column = kind === 'usage-statement' ? document.organization : document.provider
  const month = new Date(from).toISOString().slice(0, 10)
  const [row] = await db
    .select(LISTED)
    .from(document)
    .where(and(eq(column, party), eq(document.kind, kind), lt(document.month, month)))
    .orderBy(desc(document.month))
    .limit(1)
  return row && toListed(row)
}
