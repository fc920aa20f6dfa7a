import { randomBytes } from 'node:crypto'
import { SEAL_KEY_BYTES } from '@hanse/protocol'
import { and, desc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { documentKey } from '../db/schema.ts'
import { tombstoneOf } from '../rights/tombstone.ts'
import { closeBox } from './duty-box.ts'

/** Whom documents are for. */
export interface DocumentParty {
  readonly kind: 'organization' | 'provider'
  readonly id: string
}

export interface DocumentKey {
  readonly id: Uint8Array
  readonly key: Uint8Array
}

/** Two of them do not come twice. */
const ID_BYTES = 16

/**
 * The key for a document that is issued now. Of who was erased, what is still written (the statement of their last month) gets a
 * key of its own, which is in a box before anything is sealed with it.
 *
 * @param at milliseconds since 1970
 */
export async function keyForNew(
  tx: Database,
  party: DocumentParty,
  at: number,
): Promise<DocumentKey> {
  await lockParty(tx, party)
  const year = new Date(at).getUTCFullYear()
  if (await isErased(tx, party)) return addRestricted(tx, party, year, at)
  const known = await openKey(tx, party, year)
  if (known !== undefined) return known
  await tx
    .insert(documentKey)
    .values({ ...newKey(), ...columnsOf(party), year, createdAt: new Date(at) })
    .onConflictDoNothing()
  const made = await openKey(tx, party, year)
  if (made === undefined) throw new Error('a key that was not stored')
  return made
}

/** An erasure waits for this, or this for the erasure: no key is made open for who is erased a moment later. */
async function lockParty(tx: Database, { kind, id }: DocumentParty): Promise<void> {
  const column = kind === 'provider' ? 'peer_id' : 'id'
  await tx.execute(
    sql`select from ${sql.identifier(kind)} where ${sql.identifier(column)} = ${id} for key share`,
  )
}

async function isErased(tx: Database, party: DocumentParty): Promise<boolean> {
  const found = await rows(
    tx,
    sql`select from erasure where tombstone = decode(${tombstoneOf(party)}, 'hex')`,
  )
  return found.length > 0
}

async function openKey(
  tx: Database,
  party: DocumentParty,
  year: number,
): Promise<DocumentKey | undefined> {
  const [row] = await tx
    .select({ id: documentKey.id, key: documentKey.key })
    .from(documentKey)
    .where(
      and(
        eq(documentKey[party.kind], party.id),
        eq(documentKey.year, year),
        isNull(documentKey.restrictedAt),
      ),
    )
  return row === undefined || row.key === null ? undefined : { id: row.id, key: row.key }
}

async function addRestricted(
  tx: Database,
  party: DocumentParty,
  year: number,
  at: number,
): Promise<DocumentKey> {
  const made = newKey()
  const [last] = await tx
    .select({ duty: documentKey.duty })
    .from(documentKey)
    .where(isNotNull(documentKey.duty))
    .orderBy(desc(documentKey.restrictedAt))
    .limit(1)
  const duty = last?.duty ?? null
  // Where no duty key was ever seen, it is put into a box when the vault is brought up.
  const boxed = duty === null ? null : closeBox(duty, made.key)
  await tx.insert(documentKey).values({
    id: made.id,
    key: duty === null ? made.key : null,
    boxed,
    duty,
    ...columnsOf(party),
    year,
    createdAt: new Date(at),
    restrictedAt: new Date(at),
  })
  return made
}

/** Open keys, by their id in hex; what is restricted or destroyed is not among them. */
export async function openKeys(
  db: Database,
  ids: readonly Uint8Array[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const wanted = new Map(ids.map((id) => [hexOf(id), id]))
  if (wanted.size === 0) return new Map()
  const found = await db
    .select({ id: documentKey.id, key: documentKey.key })
    .from(documentKey)
    .where(and(inArray(documentKey.id, [...wanted.values()]), isNull(documentKey.restrictedAt)))
  return new Map(found.flatMap(({ id, key }) => (key === null ? [] : [[hexOf(id), key] as const])))
}

/** From now on only duties open what the party's documents say. */
export async function restrictKeys(
  tx: Database,
  { kind, id }: DocumentParty,
  at: number,
): Promise<void> {
  await tx
    .update(documentKey)
    .set({ restrictedAt: new Date(at) })
    .where(and(eq(documentKey[kind], id), isNull(documentKey.restrictedAt)))
}

const newKey = () => ({
  id: Uint8Array.from(randomBytes(ID_BYTES)),
  key: Uint8Array.from(randomBytes(SEAL_KEY_BYTES)),
})

const columnsOf = ({ kind, id }: DocumentParty) => ({
  organization: kind === 'organization' ? id : null,
  provider: kind === 'provider' ? id : null,
})

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
