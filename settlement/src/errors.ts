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
  HANSE_BACKUP_VAULT: own(
    500,
    false,
    'Give the folder of the vault that belongs to the backup (`--vault`): it has the keys that backups have not.',
  ),
  HANSE_LAWFUL_BASIS_REQUIRED: own(
    403,
    false,
    'State on what basis the organization has its data processed, once: `POST /v1/gdpr/bases`, or in the console.',
  ),
  HANSE_PROCESSING_RESTRICTED: own(
    403,
    false,
    'Whoever it is about has had the processing of their data restricted: rights, claims and reading stay; withdraw the restriction for anything else.',
  ),
  HANSE_RIGHTS_REQUEST_STATE: own(
    409,
    false,
    'Look at the request: what was done with it does not allow this step now.',
  ),
  HANSE_ERASURE_BLOCKED: own(
    409,
    false,
    'Bring to its end what the answer names, then ask again: money that is under way needs to know whose it is.',
  ),
  HANSE_DELETION_CONFIRMATION: own(
    409,
    false,
    'Confirm only requests that settlement has sent to this node, with the key and on the side that it was asked by.',
  ),
  HANSE_DATA_EXPORT_STATE: own(
    409,
    true,
    'Wait until the export is done, then fetch its file; what has expired is asked for anew.',
  ),
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
  HANSE_LOCATION_EVIDENCE: own(
    422,
    false,
    'Ask for a new challenge, have this node measured by the landmarks it names, and submit that at once: `hanse provider attest`.',
  ),
  HANSE_PROVIDER_NOT_PAYABLE: own(
    409,
    false,
    'Finish what Stripe asks for: `GET /v1/providers/{peerId}` says what that is.',
  ),
  HANSE_PAYOUT_STATE: own(409, false, 'Look at the payout: it does not allow this now.'),
  HANSE_PAYOUT_RUN_STATE: own(409, false, 'Look at the payout run: it is decided already.'),
  HANSE_SERVICE_CREDIT_STATE: own(409, false, 'Look at the credit: it is decided already.'),
  HANSE_PAYOUT_HELD: own(409, false, 'The operator looks into it; release the hold to pay again.'),
  HANSE_PAYOUT_CANCELLED: own(409, false, 'The run was cancelled; the next one pays again.'),
  HANSE_KEYS_LIMIT: own(409, false, 'Revoke keys that nobody uses, then make the new one.'),
  HANSE_ORGANIZATION_DISABLED: own(403, false, 'Ask the operator of the service why.'),
  HANSE_LAST_OWNER: own(409, false, 'Make somebody else an owner first.'),
  HANSE_USER_KNOWN: own(409, false, 'Change the user that the directory has here already.'),
  HANSE_GROUP_KNOWN: own(409, false, 'Change the group that the directory has here already.'),
  HANSE_GROUPS_LIMIT: own(
    409,
    false,
    'Let the directory send only groups that mean something here.',
  ),
  HANSE_MEMBERS_LIMIT: own(409, false, 'Remove members or revoke invitations that nobody needs.'),
  HANSE_INVITATION_INVALID: own(
    410,
    false,
    'Ask for a new invitation: this one was used, revoked or is too old.',
  ),
  HANSE_SSO_REQUIRED: own(403, false, 'Sign in through the organization’s identity provider.'),
  HANSE_SSO_FAILED: own(
    401,
    false,
    'Start the sign-in again; if it fails again, ask who set it up.',
  ),
  HANSE_SSO_UNAVAILABLE: own(
    503,
    true,
    'The identity provider did not answer as it should: try again, or correct the issuer.',
  ),
  HANSE_DOMAIN_UNPROVEN: own(
    409,
    false,
    'Publish the TXT record that the domain’s entry names, wait until the world sees it, and verify again.',
  ),
  HANSE_DOMAIN_TAKEN: own(409, false, 'Another organization has proven this domain.'),
  HANSE_BREACH_STEP: own(
    409,
    false,
    'Look at the breach, and take the step that is missing: the message names it.',
  ),
  HANSE_TRADER_PROFILE: own(
    409,
    false,
    'Say first who you are for the tax office: `PUT /v1/providers/self/tax-profile`.',
  ),
  HANSE_OPERATOR_TAKEN: own(409, false, 'Choose a name that no operator ever had.'),
  HANSE_OPERATOR_LINKED: own(
    409,
    false,
    'An operator and a person are a pair for good: make another operator, or another account.',
  ),
  HANSE_OPERATOR_FACTOR: own(
    403,
    false,
    'Sign in with a passkey, or with a password and a code of an authenticator app.',
  ),
  HANSE_TWO_OPERATORS: own(403, false, 'Let another operator approve it.'),
  HANSE_ADJUSTMENT_ACCOUNT: own(
    400,
    false,
    'Name accounts of the ledger that exist and that nothing open stands for.',
  ),
  HANSE_MONTH_OPEN: own(
    409,
    false,
    'Settle what the answer names, or close the month all the same and say why (`reason`).',
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
  HANSE_CHANNEL_LIMIT: own(409, false, 'Remove a channel or a subscription that nobody needs.'),
  HANSE_CHANNEL_ADDRESS: own(
    400,
    false,
    'Give a mail address, or an https address that the internet reaches.',
  ),
  HANSE_EXPORT_LIMIT: own(409, false, 'Remove a schedule that nobody needs.'),
  HANSE_EXPORT_TARGET: own(
    400,
    false,
    'Give an https address that the internet reaches, and that takes a file by PUT.',
  ),
  HANSE_AUDIT_PACKAGES_BUSY: own(
    429,
    true,
    'Wait until one of the evidence packages that are being made is done.',
  ),
  HANSE_EXPORT_SIZE: own(422, false, 'Make it more often, or ask for less: the file is too large.'),
  HANSE_CHANNEL_STATE: own(
    409,
    false,
    'Confirm the mailbox, switch the channel on again, or take a channel of the right kind.',
  ),
  HANSE_MAIL_UNAVAILABLE: own(
    503,
    true,
    'Use a webhook, or ask the operator to set `smtpUrl` and `mailFrom`.',
  ),
  HANSE_DOCUMENT_FORM: own(406, false, 'Only invoices and credit notes have an XML form.'),
  HANSE_DOCUMENT_RESTRICTED: own(
    403,
    false,
    'Whom it names was erased, and law keeps it: an operator opens it for a duty, with `POST /v1/admin/documents/NUMBER/openings`.',
  ),
  HANSE_DUTY_KEY: own(
    409,
    false,
    'Put the `duty.key` that belongs to the erasure into the vault of this process, and ask again.',
  ),
  HANSE_PRICE_UNKNOWN: own(
    422,
    false,
    'Give this model and kind of usage a price, or leave the model out: nothing is taken for free.',
  ),
  HANSE_USAGE_INVALID: own(422, false, 'Correct the counts: a part cannot be more than its whole.'),
  HANSE_EXCHANGE_RATE_UNKNOWN: own(
    422,
    false,
    'Send a rate in this direction, of the day or before, or ask for the currency of the card.',
  ),
  HANSE_RATE_CARD_INVALID: own(422, false, 'Correct what the message names; nothing was imported.'),
  HANSE_RATE_CARD_SUSPICIOUS: own(
    409,
    false,
    'Look at the differences of a dry run; if they are right, send it again with `accept=true`.',
  ),
  HANSE_RATE_CARD_ADDRESS: own(422, false, 'Use an https address that anybody can reach.'),
  HANSE_RATE_CARD_UNREACHABLE: own(502, true, 'Try again later, or import the card from a file.'),
  HANSE_USAGE_GONE: own(
    422,
    false,
    'Ask for a later period, or for a card without prices by size of prompt: single requests are kept 90 days.',
  ),
  HANSE_IMPORT_FORMAT: own(
    400,
    false,
    'Send the format that was named: this could not be read as such.',
  ),
  HANSE_IMPORT_FIELD: own(400, false, 'Correct the field that the message names.'),
  HANSE_IMPORT_DECIMAL_COMMA: own(
    400,
    false,
    'Export with decimal points: `1,234` is two different numbers in two countries.',
  ),
  HANSE_IMPORT_LIMIT: own(413, false, 'Send less at once: what was taken stays, and counts once.'),
  HANSE_IMPORT_OPEN: own(409, false, 'Import it again when its time is over: it still grows.'),
  HANSE_IMPORT_CONFLICT: own(
    409,
    false,
    'Nothing that is stored is changed: give what is new an id of its own, or import it under another source.',
  ),
  HANSE_BILL_EXISTS: own(409, false, 'Give the other bill its own number.'),
  HANSE_ORIGIN: own(403, false, 'Send it from the service’s own pages, or with an API key.'),
  HANSE_SIGN_IN_REFUSED: own(
    401,
    false,
    'Check the address, the password and the code; a forgotten password can be reset by e-mail.',
  ),
  HANSE_SECOND_FACTOR: own(
    401,
    false,
    'Send the same with a code of the authenticator app, or with a recovery code.',
  ),
  HANSE_SIGN_IN_AGAIN: own(403, false, 'Sign in again, then send the same request.'),
  HANSE_SIGN_IN_LIMITED: own(
    429,
    true,
    'Wait for the time given; a passkey, or a new password by e-mail, works at once.',
  ),
  HANSE_NODE_CODE_INVALID: own(
    400,
    false,
    'Make a new code on the website: this one was used, is too old, or is of another person.',
  ),
  HANSE_NODE_LINKS_LIMIT: own(409, false, 'Unlink people or nodes that need it no more.'),
  HANSE_LINK_INVALID: own(400, false, 'Ask for another link: this one was used, or is too old.'),
  HANSE_PASSWORD_WEAK: own(400, false, 'Choose a longer password, or one that fewer people have.'),
  HANSE_PASSKEY_INVALID: own(400, false, 'Ask for new options and try again with the same device.'),
  HANSE_SIGN_IN_MEANS: own(
    409,
    false,
    'Keep one way to sign in: set a password or add a passkey first.',
  ),
  HANSE_ORGANIZATIONS_MAX: own(409, false, 'Use one of the organizations that you own.'),
  HANSE_SERIES_INVALID: own(
    400,
    false,
    'Give a CSV file with the header `timestamp,value` and a line for each value, none negative.',
  ),
  HANSE_SIGN_UP_UNAVAILABLE: own(503, false, 'Set the service’s mail server.'),
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
