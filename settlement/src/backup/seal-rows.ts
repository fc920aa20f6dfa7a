import { randomBytes } from 'node:crypto'
import { HanseError, openPersonal, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { ownerOf } from '../log/log-fact.ts'
import {
  type ClearableColumn,
  clearableColumns,
  clearedFor,
  clearedValue,
} from '../rights/cleared-values.ts'
import { REGISTER, SUBJECT_KINDS, type SubjectKind } from '../rights/register/index.ts'
import { tombstoneOfOwner } from '../rights/tombstone.ts'
import { parseRow } from './exact-json.ts'

export type Row = Record<string, unknown>

/** Columns of a row that can be read with the keys of all of these subjects, and with none of them destroyed. */
interface Box {
  /** The opaque subjects of the keys, in the order in which they were used. */
  readonly by: readonly string[]
  readonly box: string
}

/** Which columns of a table are sealed for which kinds of subjects. */
export interface SealPlan {
  readonly table: string
  readonly groups: readonly {
    readonly kinds: readonly SubjectKind[]
    readonly columns: readonly ClearableColumn[]
  }[]
}

export interface BackupKey {
  readonly subject: string
  readonly key: Uint8Array
}

/** No column of ours begins like this. */
const SEALED = '$sealed'

/**
 * What of a table a backup seals: what an erasure would take. Nothing where it takes nothing, or where the table is not
 * about anybody by a column of its own.
 */
export async function sealPlanOf(tx: Database, table: string): Promise<SealPlan> {
  const record = REGISTER[table]
  const columns = record?.whose === undefined ? [] : await clearableColumns(tx, table)
  const groups = new Map<string, { kinds: SubjectKind[]; columns: ClearableColumn[] }>()
  for (const column of columns) {
    const kinds = SUBJECT_KINDS.filter((kind) => takes(table, kind, column))
    if (kinds.length === 0) continue
    const group = groups.get(kinds.join()) ?? { kinds, columns: [] }
    group.columns.push(column)
    groups.set(kinds.join(), group)
  }
  return { table, groups: [...groups.values()] }
}

function takes(table: string, kind: SubjectKind, column: ClearableColumn): boolean {
  const record = REGISTER[table]
  if (record?.whose?.[kind] === undefined) return false
  const outcome = record.erased?.[kind]
  if (outcome === 'deleted') return true
  return outcome === 'emptied' && clearedFor(table, kind, [column]).length > 0
}

/** The row as a backup has it. */
export function sealRow(plan: SealPlan, row: Row, keys: ReadonlyMap<string, BackupKey>): Row {
  const sealed: Row = { ...row }
  const boxes: Box[] = []
  for (const { kinds, columns } of plan.groups) {
    const by = kinds.flatMap((kind) => keys.get(ownerIn(plan.table, kind, row) ?? '') ?? [])
    if (by.length === 0) continue
    const values: Row = {}
    for (const { name } of columns) {
      values[name] = row[name]
      delete sealed[name]
    }
    let box: Uint8Array = Buffer.from(JSON.stringify(values))
    for (const { key } of by) box = sealPersonal(key, randomBytes(SEAL_NONCE_BYTES), box)
    boxes.push({ by: by.map(({ subject }) => subject), box: Buffer.from(box).toString('base64') })
  }
  return boxes.length === 0 ? sealed : { ...sealed, [SEALED]: boxes }
}

/** What a restore knows: the keys that are left, and who was erased. */
export interface Opening {
  /** By subject. */
  readonly keys: ReadonlyMap<string, Uint8Array>
  readonly tombstones: ReadonlySet<string>
}

/**
 * The row as the database shall have it: who was erased since is erased in it, before it is anywhere in the clear.
 *
 * @returns undefined where the row is gone; `unreadable` where a key is missing of somebody who was not erased
 */
export function openRow(
  plan: SealPlan,
  stored: Row,
  { keys, tombstones }: Opening,
): Row | 'unreadable' | undefined {
  const { [SEALED]: boxes = [], ...row } = stored
  const erased = SUBJECT_KINDS.filter((kind) => {
    const owner = ownerIn(plan.table, kind, row)
    return owner !== undefined && tombstones.has(tombstoneOfOwner(owner))
  })
  if (erased.some((kind) => REGISTER[plan.table]?.erased?.[kind] === 'deleted')) return undefined
  for (const box of boxes as readonly Box[]) Object.assign(row, openBox(box, keys))
  for (const { kinds, columns } of plan.groups) {
    const isErased = kinds.some((kind) => erased.includes(kind))
    for (const column of columns) {
      if (isErased) row[column.name] = clearedValue(plan.table, column, row)
      else if (!(column.name in row)) return 'unreadable'
    }
  }
  return row
}

function openBox({ by, box }: Box, keys: ReadonlyMap<string, Uint8Array>): Row {
  let bytes: Uint8Array = Buffer.from(box, 'base64')
  for (const subject of by.toReversed()) {
    const key = keys.get(subject)
    if (key === undefined) return {}
    try {
      bytes = openPersonal(key, bytes)
    } catch (error) {
      if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return {}
      throw error
    }
  }
  return parseRow(Buffer.from(bytes).toString('utf8'))
}

/** Whose a row is, as keys name them. */
function ownerIn(table: string, kind: SubjectKind, row: Row): string | undefined {
  const column = REGISTER[table]?.whose?.[kind]
  const value = column === undefined ? undefined : row[column]
  if (typeof value !== 'string') return undefined
  return ownerOf(kind, kind === 'person' ? value.replace(/^person:/u, '') : value)
}

/** Subjects without a key of their own: nothing of them was sealed so far. */
export async function keylessOwners(tx: Database): Promise<string[]> {
  const found = await rows<{ owner: string }>(
    tx,
    sql`select owner from (
        select 'person/' || id as owner from person
        union all select 'organization/' || id from organization
        union all select 'provider/' || peer_id from provider) s
      where not exists (select from subject_key k where k.owner = s.owner)
        and not exists (select from erasure e where e.tombstone = sha256(convert_to('hanse-erasure-1' || chr(10) || s.owner, 'UTF8')))
      order by owner`,
  )
  return found.map(({ owner }) => owner)
}
