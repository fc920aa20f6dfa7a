import { ERRORS, type ErrorCode, type ErrorEntry } from '@hanse/protocol'

/** Codes that only a settlement service answers with; the rest is the protocol's table. */
export const SETTLEMENT_ERRORS = {
  HANSE_STORE_OWNED: own(500, false, 'Stop the other process that uses this data directory.'),
  HANSE_STORE_CLOSED: own(503, true, 'The service is shutting down: try again in a moment.'),
  HANSE_STORE_MIGRATION: own(
    500,
    false,
    'Run the release that made this database, or a newer one.',
  ),
  HANSE_OVERLOADED: own(
    503,
    true,
    'Send the same request again after the time given, or to another process of the service.',
  ),
  HANSE_NOT_READY: own(
    503,
    true,
    'Give requests to another process: this one is stopping, has enough to do, or has lost its database.',
  ),
  HANSE_CITUS_MISSING: own(500, false, 'Install Citus on the server, or go on with one machine.'),
  HANSE_BACKUP_INVALID: own(500, false, 'Take another backup: this one is not whole.'),
  HANSE_RESTORE_TARGET: own(500, false, 'Restore into a database that no service has used.'),
  HANSE_LEDGER_BROKEN: own(
    500,
    false,
    'Run `hanse-settlement ledger check` and report what it prints.',
  ),
  HANSE_INGEST_BUSY: own(
    429,
    true,
    'Send the same batch again after the time given: as much waits as this service takes at once.',
  ),
  HANSE_INGEST_INTERRUPTED: own(
    503,
    true,
    'Send the same batch again: what of it was booked is answered as a duplicate.',
  ),
  HANSE_RESOLUTION_INVALID: own(
    409,
    false,
    'Keep one of the receipts that `GET /v1/admin/conflicts` names for this session.',
  ),
  HANSE_RESOLUTION_NEGATIVE: own(
    409,
    false,
    'Keep the receipt that is booked and post an adjustment, which two operators sign.',
  ),
  HANSE_VAT_ID_CHANGED: own(409, false, 'Look up the VAT id that the organization gives now.'),
  HANSE_CONSUMER_TAKEN: own(409, false, 'This peer id belongs to another organization.'),
  HANSE_PROVIDER_COUNTRY: own(409, false, 'The country of a payout account cannot be changed.'),
  HANSE_PROVIDER_COUNTRY_UNSUPPORTED: own(
    409,
    false,
    'Bind a payout account in one of the countries that `GET /v1/terms` names.',
  ),
  HANSE_PROVIDER_NOT_PAYABLE: own(
    409,
    false,
    'Finish what Stripe asks for: `GET /v1/providers/{peerId}` says what that is.',
  ),
  HANSE_PAYOUT_STATE: own(409, false, 'Look at the payout: it does not allow this now.'),
  HANSE_PAYOUT_RUN_STATE: own(409, false, 'Look at the payout run: it is decided already.'),
  HANSE_PAYOUT_HELD: own(409, false, 'The operator looks into it; release the hold to pay again.'),
  HANSE_PAYOUT_CANCELLED: own(409, false, 'The run was cancelled; the next one pays again.'),
  HANSE_OPERATOR_TAKEN: own(409, false, 'Choose a name that no operator ever had.'),
  HANSE_TWO_OPERATORS: own(403, false, 'Let another operator approve it.'),
  HANSE_ADJUSTMENT_ACCOUNT: own(
    400,
    false,
    'Name accounts of the ledger that exist and that nothing open stands for.',
  ),
  HANSE_ADJUSTMENT_STATE: own(409, false, 'Look at the adjustment: it is decided already.'),
  HANSE_ORGANIZATION_IN_DEBT: own(
    402,
    false,
    'Top up: what a disputed payment left owing is paid first, and then there are authorizations again.',
  ),
  HANSE_AUTHORIZATION_CLOSED: own(409, false, 'Ask for a new authorization.'),
  HANSE_RELEASE_CONSENT: own(
    409,
    false,
    'Send the provider’s signed release, or wait: the unused hold comes free after the expiry and its grace.',
  ),
  HANSE_REFUND_LIMIT: own(409, false, 'Ask for no more than is left of this payment.'),
  HANSE_PLAN_ACTIVE: own(409, false, 'Change or cancel the plan that the organization has.'),
  HANSE_VAT_ID_INVALID: own(
    400,
    false,
    'Send a VAT id that its register knows, with the prefix of its country, or none.',
  ),
  HANSE_PAYMENT_FAILED: own(402, false, 'Use another payment method.'),
  HANSE_PAYMENTS_UNAVAILABLE: own(503, true, 'Stripe did not answer: send the same request again.'),
  HANSE_WEBHOOK_SIGNATURE: own(400, false, 'Sign the raw body with the endpoint’s secret.'),
  HANSE_DOCUMENT_FORM: own(406, false, 'Only invoices and credit notes have an XML form.'),
  HANSE_MEDIA_TYPE: own(415, false, 'Send the content-type that the route documents.'),
} as const satisfies Record<string, ErrorEntry>

export type SettlementCode = ErrorCode | keyof typeof SETTLEMENT_ERRORS

/** The one error class of settlement: a stable code, what happened, and the cause. */
export class SettlementError extends Error {
  override readonly name = 'SettlementError'
  readonly code: SettlementCode
  /** When another try may help, milliseconds from now. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: SettlementCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

/** Status, advice and whether a retry may help, for any code that this service answers with. */
export function errorEntry(code: SettlementCode): ErrorEntry {
  return code in SETTLEMENT_ERRORS
    ? SETTLEMENT_ERRORS[code as keyof typeof SETTLEMENT_ERRORS]
    : ERRORS[code as ErrorCode]
}

export function isSettlementCode(value: unknown): value is SettlementCode {
  return typeof value === 'string' && (value in SETTLEMENT_ERRORS || value in ERRORS)
}

function own(http: number, retry: boolean, advice: string): ErrorEntry {
  return { http, type: http < 500 ? 'invalid_request_error' : 'server_error', retry, advice }
}
