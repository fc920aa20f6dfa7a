import { AUDIT_TABLES } from './audit.ts'
import { COMPLIANCE } from './compliance.ts'
import { MARKET } from './market.ts'
import { MONEY } from './money.ts'
import { NOTIFICATIONS } from './notifications.ts'
import { ORGANIZATIONS } from './organizations.ts'
import { PAYOUTS } from './payouts.ts'
import { PEOPLE } from './people.ts'
import { PLATFORM } from './platform.ts'
import {
  CLEARED,
  DATA_CLASSES,
  type DataClass,
  type SubjectKind,
  type TableRecord,
} from './record.ts'
import { RIGHTS } from './rights.ts'
import { SPENDING } from './spending.ts'

/**
 * The register of personal data: of every table of the database what it holds, about whom, on what basis, for how long, and
 * what an erasure does with it. Export, erasure, backups and the records of processing all go by it; a test compares it
 * with the database, so no column can be forgotten.
 */
export const REGISTER: Readonly<Record<string, TableRecord>> = {
  ...PEOPLE,
  ...ORGANIZATIONS,
  ...MARKET,
  ...MONEY,
  ...PAYOUTS,
  ...SPENDING,
  ...NOTIFICATIONS,
  ...PLATFORM,
  ...RIGHTS,
  ...COMPLIANCE,
  ...AUDIT_TABLES,
}

export interface ColumnRecord {
  readonly table: string
  readonly column: string
  readonly class: DataClass
}

/** The columns of one table, each once. */
export const columnsOf = (table: string): ColumnRecord[] =>
  DATA_CLASSES.flatMap((dataClass) =>
    words(REGISTER[table]?.columns[dataClass]).map((column) => ({
      table,
      column,
      class: dataClass,
    })),
  )

/** Every column that the register knows. */
export const registeredColumns = (): ColumnRecord[] => Object.keys(REGISTER).flatMap(columnsOf)

/** What of a table is emptied when a row of it is: nothing where nothing in it is of those classes. */
export const clearedColumns = (table: string): string[] =>
  columnsOf(table)
    .filter((column) => CLEARED.includes(column.class))
    .map(({ column }) => column)

/** Tables that say whose their rows are by a column of their own, for one kind of subject. */
export const tablesAbout = (kind: SubjectKind): string[] =>
  Object.keys(REGISTER).filter((table) => REGISTER[table]?.whose?.[kind] !== undefined)

const words = (list: string | undefined): string[] =>
  list === undefined || list === '' ? [] : list.split(' ')
