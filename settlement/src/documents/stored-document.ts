import { createHash, randomBytes } from 'node:crypto'
import { openPersonal, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import type { Database } from '../db/database.ts'
import { document } from '../db/schema.ts'
import { canonicalJson } from './canonical-json.ts'
import { type DocumentKey, hexOf, openKeys } from './document-keys.ts'
import { readDocument } from './document-schema.ts'
import { figuresOf } from './figures-of.ts'

/** What every list has of a document: nothing has to be opened for it. */
export interface ListedDocument {
  /** Grows with each document. */
  readonly id: bigint
  readonly number: string
  readonly organization: string | null
  readonly provider: string | null
  /** Canonical JSON (see `readDocument`) without whom it is for: see `figuresOf`. */
  readonly figures: Uint8Array
  /** Of all that it says, names included. */
  readonly sha256: Uint8Array
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

export interface StoredDocument extends ListedDocument {
  /** Canonical JSON: see `readDocument`. Null where only a duty opens it (see `openForDuty`), or nobody any more. */
  readonly content: Uint8Array | null
}

/** Of a row, what `toListed` needs. */
export const LISTED = {
  id: document.id,
  number: document.number,
  organization: document.organization,
  provider: document.provider,
  content: document.content,
  figures: document.figures,
  sha256: document.sha256,
  issuedAt: document.issuedAt,
}

type Row = Pick<typeof document.$inferSelect, keyof typeof LISTED>
type SealedRow = Row & Pick<typeof document.$inferSelect, 'sealed' | 'sealedBy'>

export function toListed(row: Row): ListedDocument {
  const { id, number, organization, provider, content, sha256 } = row
  const figures = row.figures ?? (content && figuresIn(content))
  if (figures === null) throw new Error(`${number} has neither form of a document`)
  return { id, number, organization, provider, figures, sha256, issuedAt: row.issuedAt.getTime() }
}

/** With what it says, where it may be read. */
export async function storedOf(db: Database, row: SealedRow): Promise<StoredDocument> {
  const [content = null] = await contentsOf(db, [row])
  return { ...toListed(row), content }
}

/**
 * What rows say, in their order; null for each that only a duty opens.
 *
 * @throws {HanseError} HANSE_LOG_SEALED where a row was changed in the database
 */
export async function contentsOf(
  db: Database,
  found: readonly Pick<SealedRow, 'content' | 'sealed' | 'sealedBy'>[],
): Promise<(Uint8Array | null)[]> {
  const keys = await openKeys(
    db,
    found.flatMap(({ sealedBy }) => sealedBy ?? []),
  )
  return found.map(({ content, sealed, sealedBy }) => {
    if (content !== null || sealed === null || sealedBy === null) return content
    const key = keys.get(hexOf(sealedBy))
    return key === undefined ? null : openPersonal(key, sealed)
  })
}

/** How a document is kept. */
export const sealedColumns = ({ id, key }: DocumentKey, content: Uint8Array) => ({
  content: null,
  figures: figuresIn(content),
  sealed: sealPersonal(key, Uint8Array.from(randomBytes(SEAL_NONCE_BYTES)), content),
  sealedBy: id,
})

const figuresIn = (content: Uint8Array): Uint8Array =>
  Uint8Array.from(Buffer.from(canonicalJson(figuresOf(readDocument(content)))))

export const hashOf = (content: Uint8Array): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(content).digest())
