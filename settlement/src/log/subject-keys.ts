import { SEAL_KEY_BYTES } from '@hanse/protocol'
import { eq, type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import { subjectKey } from '../db/schema.ts'

/** Where salts, nonces and keys come from. */
export type RandomBytes = (length: number) => Uint8Array

export interface SubjectKey {
  /** Opaque: says nothing about the owner once the key is gone. */
  readonly subject: Uint8Array
  readonly key: Uint8Array
}

/** Two of them do not come twice. */
const SUBJECT_BYTES = 16

/** The keys of these owners, by owner; who has none yet gets one. */
export async function subjectKeys(
  tx: Database,
  owners: readonly string[],
  at: number,
  random: RandomBytes,
): Promise<Map<string, SubjectKey>> {
  const wanted = [...new Set(owners)].sort()
  const keys = await read(tx, wanted)
  const missing = wanted.filter((owner) => !keys.has(owner))
  if (missing.length === 0) return keys
  // In one order, for two batches may make keys for the same owners.
  await tx
    .insert(subjectKey)
    .values(
      missing.map((owner) => ({
        subject: random(SUBJECT_BYTES),
        owner,
        key: random(SEAL_KEY_BYTES),
        createdAt: new Date(at),
      })),
    )
    .onConflictDoNothing()
  return await read(tx, wanted)
}

/**
 * Destroys the key of an owner, and the link from the owner to the events.
 *
 * @returns the subject that it was, or `undefined` when nothing of this owner was ever sealed
 */
export async function destroyKey(
  tx: Database,
  owner: string,
  at: number,
): Promise<Uint8Array | undefined> {
  const [row] = await tx
    .update(subjectKey)
    .set({ owner: null, key: null, erasedAt: new Date(at) })
    .where(eq(subjectKey.owner, owner))
    .returning({ subject: subjectKey.subject })
  return row?.subject
}

/** Every key that was not destroyed. */
export async function livingKeys(
  tx: Database,
): Promise<(SubjectKey & { readonly owner: string; readonly createdAt: number })[]> {
  const found = await tx.select().from(subjectKey).orderBy(subjectKey.createdAt, subjectKey.subject)
  return found.flatMap(({ owner, subject, key, createdAt }) =>
    owner === null || key === null ? [] : [{ owner, subject, key, createdAt: createdAt.getTime() }],
  )
}

/** The same key as other statements bring it: base64 of its parts, null where an owner has none. */
export interface KeyText {
  readonly subject: string
  readonly key: string
}

export const keyTextOf = (owner: string): SQL =>
  sql`(select json_build_object('subject', encode(subject, 'base64'), 'key', encode(key, 'base64'))
    from subject_key where owner = ${owner})`

export const keyOfText = ({ subject, key }: KeyText): SubjectKey => ({
  subject: Uint8Array.from(Buffer.from(subject, 'base64')),
  key: Uint8Array.from(Buffer.from(key, 'base64')),
})

async function read(tx: Database, owners: readonly string[]): Promise<Map<string, SubjectKey>> {
  if (owners.length === 0) return new Map()
  const found = await tx
    .select()
    .from(subjectKey)
    .where(sql`${subjectKey.owner} = any(${textArray(owners)})`)
  return new Map(
    found.flatMap(({ owner, subject, key }) =>
      owner === null || key === null ? [] : [[owner, { subject, key }] as const],
    ),
  )
}
