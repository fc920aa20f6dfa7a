import type { Receipt } from '@hanse/protocol'

/** How long the end of a session waits for a Statement before settlement is told of it by its receipt. */
const STATEMENT_WAIT_MS = 30_000

/** When settlement is to be told of a receipt, if no Statement comes first: only whole sessions are stated. */
export function statementDue({ final }: Receipt, now: number): number {
  return final === null ? 0 : now + STATEMENT_WAIT_MS
}
