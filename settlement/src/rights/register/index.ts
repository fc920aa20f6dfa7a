export type {
  DataClass,
  Erased,
  Kept,
  LawfulBasis,
  Purpose,
  SubjectKind,
  TableRecord,
} from './record.ts'
export { CLEARED, DATA_CLASSES, KEPT, PURPOSES, SUBJECT_KINDS } from './record.ts'
export type { ColumnRecord } from './register.ts'
export { clearedColumns, columnsOf, REGISTER, registeredColumns, tablesAbout } from './register.ts'
