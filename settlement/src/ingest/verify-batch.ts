import type { Claim, StatementClaim } from '../receipts/claim.ts'
import { verifyReceipts } from '../receipts/ingest.ts'
import { verifyStatements } from '../receipts/ingest-statements.ts'
import { readStatements } from '../receipts/statement-batch.ts'
import { readSubmissions } from '../receipts/submission.ts'
import type { Verified } from '../receipts/verified.ts'
import type { VerifyContext } from '../receipts/verify-submission.ts'

/** What each kind of batch is verified to. */
export interface VerifiedBatch {
  readonly receipts: Verified<Claim>[]
  readonly statements: Verified<StatementClaim>[]
}

type Verifiers = {
  readonly [Kind in keyof VerifiedBatch]: (
    body: Uint8Array,
    context: VerifyContext,
  ) => Promise<VerifiedBatch[Kind]>
}

/** Reads and verifies the body of a request. They throw {HanseError} HANSE_RECORD_*, HANSE_REQUEST_INVALID */
export const VERIFIERS: Verifiers = {
  receipts: async (body, context) => verifyReceipts(readSubmissions(body), context),
  statements: async (body, context) => verifyStatements(readStatements(body), context),
}
