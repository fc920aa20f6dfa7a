import type { Every, Period } from './period.ts'

export const EXPORT_CONTENTS = ['usage', 'focus', 'showback'] as const
export type ExportContent = (typeof EXPORT_CONTENTS)[number]
export const EXPORT_FORMATS = ['csv', 'jsonl', 'json'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** Which forms a content has; a report of a month is made each month. */
export const FORMATS_OF: Readonly<Record<ExportContent, readonly ExportFormat[]>> = {
  usage: ['csv', 'jsonl'],
  focus: ['csv', 'jsonl'],
  showback: ['csv', 'json'],
}

export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/jsonl; charset=utf-8',
  json: 'application/json; charset=utf-8',
}

/** Far more than there are tools that read them. */
export const SCHEDULES_MAX = 50
/** As long as single sessions are kept. */
export const KEEP_DAYS_DEFAULT = 90
/** A year and a month. */
export const KEEP_DAYS_MAX = 400
/** A day of a hundred thousand rows; it is in memory while it is made. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024

export interface ExportSchedule {
  readonly id: string
  readonly name: string
  readonly content: ExportContent
  readonly format: ExportFormat
  readonly every: Every
  readonly keepDays: number
  /** Where files are put, as it may be shown; null where they are only kept here. */
  readonly target: string | null
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** A file of one period of a schedule. */
export interface ExportRun extends Period {
  readonly id: string
  readonly schedule: string
  /** `waiting` is also what failed and is tried again at `dueAt`. */
  readonly state: 'waiting' | 'done' | 'failed'
  readonly attempts: number
  readonly dueAt: number
  readonly failure: string | null
  readonly fileName: string | null
  readonly bytes: bigint | null
  /** In hexadecimal. */
  readonly sha256: string | null
  /** Whether the file is still there. */
  readonly isKept: boolean
  readonly expiresAt: number | null
  readonly createdAt: number
  readonly endedAt: number | null
}

/** Such as `usage-2026-11-02.csv`, or with the first and the last day. */
export function fileNameOf(
  content: ExportContent,
  format: ExportFormat,
  { from, to }: Period,
): string {
  const [first, last] = [isoDay(from), isoDay(to - 1)]
  const span =
    content === 'showback' ? first.slice(0, 7) : first === last ? first : `${first}-${last}`
  return `${content}-${span}.${format}`
}

/** Where `{file}` stands in an address, the name of the file is put. */
export const addressFor = (address: string, file: string): string =>
  address.replaceAll('{file}', encodeURIComponent(file))

/** Enough to know a target by: whoever has all of it may write there. */
export const hintOf = (address: string): string => new URL(address).origin

const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10)
