import { databaseFault } from '../db/database.ts'
import { isOwn } from '../logging/told-error.ts'

/** Why a run failed, as it is kept with the job: a code, and words only where they are ours. */
export interface JobFault {
  readonly code: string
  readonly message: string
}

/** A database's words may quote what was written, so only its code is kept. */
export function jobFault(error: unknown): JobFault {
  if (isOwn(error)) return { code: error.code, message: error.message }
  const fault = databaseFault(error)
  if (fault !== undefined) return { code: `SQL_${fault.code}`, message: fault.constraint }
  return { code: 'HANSE_INTERNAL', message: error instanceof Error ? error.name : 'unknown' }
}
