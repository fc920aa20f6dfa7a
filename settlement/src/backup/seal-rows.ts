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
  /** The tombstones that those subjects would have. */
  readonly whose: readonly string[]
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
const OWNER = '$owner_'

/**
 * What of a table a backup seals: what an erasure would take. Nothing where it takes nothing, or where the table is not
 * about anybody by a column of its own.
 */
export async function sealPlanOf(tx: Database, table: string): Promise<SealPlan> {
  const record = REGISTER[table]
  const isAbout = record?.whose !== undefined || record?.of !== undefined
  const columns = isAbout ? await clearableColumns(tx, table) : []
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
  if (record?.whose !== undefined && record.whose[kind] === undefined) return false
  const outcome = record?.erased?.[kind]
  if (outcome === 'deleted') return true
  return outcome === 'emptied' && clearedFor(table, kind, [column]).length > 0
}

/** The row as a backup has it. */
export function sealRow(plan: SealPlan, given: Row, keys: ReadonlyMap<string, BackupKey>): Row {
  const { row, owners } = withoutOwners(plan.table, given)
  const sealed: Row = { ...row }
  const boxes: Box[] = []
  for (const { kinds, columns } of plan.groups) {
    const held = kinds.flatMap((kind) => {
      const owner = owners[kind]
      const key = owner === undefined ? undefined : keys.get(owner)
      return owner === undefined || key === undefined ? [] : [{ owner, ...key }]
    })
    if (held.length === 0) continue
    const values: Row = {}
    for (const { name } of columns) {
      values[name] = row[name]
      delete sealed[name]
    }
    let box: Uint8Array = Buffer.from(JSON.stringify(values))
    for (const { key } of held) box = sealPersonal(key, randomBytes(SEAL_NONCE_BYTES), box)
    boxes.push({
      by: held.map(({ subject }) => subject),
      whose: held.map(({ owner }) => tombstoneOfOwner(owner)),
      box: Buffer.from(box).toString('base64'),
    })
  }
  return boxes.length === 0 ? sealed : { ...sealed, [SEALED]: boxes }
}

/**
 * What to select besides a table's own columns, where rows of another table say whose its rows are: see `withoutOwners`.
 */
export function ownerColumns({ table, groups }: SealPlan): string[] {
  if (REGISTER[table]?.whose !== undefined || groups.length === 0) return []
  return SUBJECT_KINDS.flatMap((kind) => {
    const owner = ownerSql(table, 'r', kind)
    return owner === undefined ? [] : [`${owner} as "${OWNER}${kind}"`]
  })
}

function ownerSql(table: string, alias: string, kind: SubjectKind): string | undefined {
  const record = REGISTER[table]
  const column = record?.whose?.[kind]
  if (column !== undefined) return `${alias}."${column}"`
  if (record?.of === undefined) return undefined
  const { of } = record
  const parent = `${alias}p`
  const owner = ownerSql(of.table, parent, kind)
  if (owner === undefined) return undefined
  return `(select ${owner} from ${of.table} ${parent} where ${parent}."${of.key}" = ${alias}."${of.column}")`
}

/** The row as the table has it, and whose it is. */
function withoutOwners(
  table: string,
  given: Row,
): { row: Row; owners: Readonly<Partial<Record<SubjectKind, string>>> } {
  const row = { ...given }
  const owners: Partial<Record<SubjectKind, string>> = {}
  for (const kind of SUBJECT_KINDS) {
    const owner = ownerIn(table, kind, given) ?? ownerNamed(kind, given[`${OWNER}${kind}`])
    if (owner !== undefined) owners[kind] = owner
    delete row[`${OWNER}${kind}`]
  }
  return { row, owners }
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
  const held = boxes as readonly Box[]
  for (const box of held) Object.assign(row, openBox(box, keys))
  const isGone = held.some(({ whose }) => whose.some((tombstone) => tombstones.has(tombstone)))
  for (const { kinds, columns } of plan.groups) {
    const isOthers = REGISTER[plan.table]?.whose === undefined
    const isErased = isOthers ? isGone : kinds.some((kind) => erased.includes(kind))
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
  return column === undefined ? undefined : ownerNamed(kind, row[column])
}

function ownerNamed(kind: SubjectKind, value: unknown): string | undefined {
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
