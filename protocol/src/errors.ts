/** Whose fault a refusal is, and what a caller may do about it. */
export interface ErrorEntry {
  /** HTTP status that a gateway answers with. */
  readonly http: number
  /** `type` of the OpenAI error object. */
  readonly type:
    | 'invalid_request_error'
    | 'authentication_error'
    | 'permission_error'
    | 'not_found_error'
    | 'insufficient_quota'
    | 'rate_limit_error'
    | 'server_error'
  /** Whether the same request may succeed later, or at another provider. */
  readonly retry: boolean
  /** What to do, in one sentence. */
  readonly advice: string
}

const entry = (
  http: number,
  type: ErrorEntry['type'],
  retry: boolean,
  advice: string,
): ErrorEntry => ({ http, type, retry, advice })

const invalid = (advice: string) => entry(400, 'invalid_request_error', false, advice)
const peerFault = (advice: string) => entry(502, 'server_error', true, advice)
const internal = (advice: string) => entry(500, 'server_error', true, advice)

/**
 * Every stable error code. Codes are part of the API: they are never renamed or reused, and two causes never share one.
 */
export const ERRORS = {
  // Records and bytes
  HANSE_RECORD_TOO_LARGE: invalid(
    'Split the record or drop optional entries; each type has a size limit.',
  ),
  HANSE_RECORD_MALFORMED: invalid('Send one DAG-CBOR item and nothing after it.'),
  HANSE_RECORD_NOT_CANONICAL: invalid(
    'Encode with canonical DAG-CBOR: sorted keys, shortest integers, no floats.',
  ),
  HANSE_RECORD_UNKNOWN_TYPE: invalid('Use a record type and version that this release knows.'),
  HANSE_RECORD_FIELDS: invalid('Send exactly the fields of the record, each within its range.'),
  HANSE_SIGNATURE_INVALID: invalid(
    'Sign the exact bytes, for this network and role, with the key of the named peer.',
  ),
  HANSE_SIGNATURE_MISSING: invalid('Have the record signed by every role that its type needs.'),
  HANSE_PEER_ID_INVALID: invalid('Use the base58 form of an Ed25519 peer id (12D3Koo…).'),
  HANSE_PRICE_INVALID: invalid('Write prices like "0.20 EUR/Mtok", with at most six decimals.'),
  HANSE_FRAME_MALFORMED: invalid('Send session frames as the protocol describes them.'),
  HANSE_FRAME_UNEXPECTED: invalid('Send frames only in the states that allow them.'),
  HANSE_FRAME_TOO_LARGE: entry(
    413,
    'invalid_request_error',
    false,
    'Keep each frame within 1 MiB.',
  ),
  HANSE_PROMPT_TOO_LARGE: entry(413, 'invalid_request_error', false, 'Shorten the request body.'),
  // Orders
  HANSE_ORDER_REPLAYED: invalid('Make a new order with a fresh nonce.'),
  HANSE_ORDER_EXPIRED: invalid(
    'Make a new order, and check that the clock of this machine is right.',
  ),
  HANSE_ORDER_WRONG_PROVIDER: invalid('Send the order to the provider that it names.'),
  HANSE_ORDER_OFFER_UNKNOWN: entry(
    409,
    'invalid_request_error',
    true,
    'Fetch the current offer and order again.',
  ),
  HANSE_ORDER_PRICE: entry(
    409,
    'invalid_request_error',
    true,
    'Order at the prices of the current offer.',
  ),
  HANSE_ORDER_QUOTE: invalid(
    'Cite the quote of this session, and change only prices, authorization, credit window and deadline.',
  ),
  HANSE_QUOTE_ROUNDS: entry(
    409,
    'invalid_request_error',
    true,
    'Order at the quoted prices, or choose another provider: three rounds are all.',
  ),
  HANSE_ORDER_LIMITS: invalid('Lower max_tokens, or shorten the prompt, to what the offer allows.'),
  HANSE_ORDER_WINDOW_TOO_SMALL: invalid(
    'Raise the credit window so that the prompt and one token fit in it.',
  ),
  HANSE_ORDER_COMMITMENT: invalid('Commit to the prompt that is sent.'),
  HANSE_MODEL_UNKNOWN: entry(
    404,
    'not_found_error',
    false,
    'See GET /v1/models for what is on offer.',
  ),
  HANSE_CONTEXT_LENGTH: invalid(
    'Shorten the conversation, or choose a model with a longer context.',
  ),
  HANSE_POLICY_RESIDENCY: entry(
    403,
    'permission_error',
    false,
    'Choose a provider in an allowed region, or widen the policy.',
  ),
  HANSE_RESIDENCY_UNPROVEN: entry(
    403,
    'permission_error',
    true,
    'No prompt was sent: who answered could not show that it is where the policy asks. Others are asked by themselves; the message says what is missing.',
  ),
  HANSE_DELETION_REQUEST: entry(
    403,
    'permission_error',
    false,
    'Nothing was erased: the request is not from the settlement that this node works with, or is for another node.',
  ),
  HANSE_CAPACITY: entry(
    429,
    'rate_limit_error',
    true,
    'Try again after the time given, or choose another provider.',
  ),
  HANSE_DRAINING: entry(
    503,
    'server_error',
    true,
    'The provider is shutting down: choose another one.',
  ),
  HANSE_PROVIDER_PAUSED: entry(
    503,
    'server_error',
    true,
    'The owner uses the machine, or the schedule says no: try again after the time given, or choose another provider.',
  ),
  HANSE_DEADLINE_UNREACHABLE: entry(
    503,
    'rate_limit_error',
    true,
    'Raise the deadline, ask for fewer tokens, or choose a faster provider.',
  ),
  HANSE_CONNECTION_LIMIT: entry(
    429,
    'rate_limit_error',
    true,
    'Open fewer streams at once, and try again after the time given.',
  ),
  // Authorizations
  HANSE_AUTHORIZATION_REQUIRED: entry(
    402,
    'insufficient_quota',
    false,
    'Ask settlement for a spend authorization first.',
  ),
  HANSE_AUTHORIZATION_INVALID: entry(
    402,
    'insufficient_quota',
    false,
    'Use an authorization that a trusted settlement issued for these two peers.',
  ),
  HANSE_AUTHORIZATION_EXPIRED: entry(
    402,
    'insufficient_quota',
    true,
    'Ask settlement for a new authorization.',
  ),
  HANSE_AUTHORIZATION_EXHAUSTED: entry(
    402,
    'insufficient_quota',
    true,
    'Ask settlement for a new authorization.',
  ),
  HANSE_PAYMENT_OVERDUE: entry(
    402,
    'insufficient_quota',
    true,
    'Answers of this provider were left unpaid: try again after the time given and countersign its receipts, or choose another provider.',
  ),
  HANSE_BALANCE_INSUFFICIENT: entry(
    402,
    'insufficient_quota',
    false,
    'Top up the balance of the organization.',
  ),
  // Receipts
  HANSE_RECEIPT_CHAIN: peerFault('The peer sent a receipt out of order; take another provider.'),
  HANSE_RECEIPT_AMOUNT: peerFault('The amount is not tokens times price; take another provider.'),
  HANSE_RECEIPT_TOKENS: peerFault(
    'The token counts are above what was delivered or ordered; take another provider.',
  ),
  HANSE_RECEIPT_TRANSCRIPT: peerFault(
    'The receipt does not commit to what was delivered; take another provider.',
  ),
  HANSE_RECEIPT_WINDOW: peerFault(
    'The receipt asks for more than one credit window at once; take another provider.',
  ),
  HANSE_RECEIPT_LIMIT: peerFault('The receipt exceeds the authorization; take another provider.'),
  HANSE_RECEIPT_LINK: invalid(
    'Send the order, acceptance and authorization that the receipt cites.',
  ),
  HANSE_RECEIPT_EXPIRED: invalid(
    'Receipts are settled until the grace period after their acceptance has passed.',
  ),
  HANSE_RECEIPT_EQUIVOCATION: invalid(
    'Two different receipts carry one sequence number; both are kept as evidence.',
  ),
  HANSE_RECEIPT_EARLY: entry(
    409,
    'invalid_request_error',
    true,
    'Set the clock of the provider that accepted, for example by NTP, and send the receipt again later.',
  ),
  HANSE_SESSION_FROZEN: entry(
    409,
    'invalid_request_error',
    false,
    'Both sides signed two receipts with one number: nothing more is booked until the operator has decided.',
  ),
  HANSE_HOLD_RELEASED: entry(
    402,
    'insufficient_quota',
    false,
    'Send receipts while the hold of their authorization is there: until the grace after its end has passed.',
  ),
  HANSE_RECEIPT_REFUSED: peerFault(
    'The consumer did not countersign; check the reason at the consumer.',
  ),
  HANSE_CONSUMER_UNKNOWN: entry(
    403,
    'permission_error',
    false,
    'Bind the consumer peer to an organization first.',
  ),
  HANSE_PROVIDER_UNKNOWN: entry(
    403,
    'permission_error',
    false,
    'Bind the provider peer to a payout account first.',
  ),
  // Sessions
  HANSE_SESSION_CUT: peerFault(
    'The provider vanished in mid-answer; what came before it is kept, ask again.',
  ),
  HANSE_SESSION_DEADLINE: entry(
    504,
    'server_error',
    true,
    'Raise the deadline, or choose a faster provider.',
  ),
  HANSE_SESSION_CANCELLED: entry(499, 'invalid_request_error', false, 'The request was cancelled.'),
  HANSE_SESSION_ABORTED: peerFault('The session was cut short by the provider; ask again.'),
  HANSE_PROVIDER_UNREACHABLE: peerFault('The provider did not answer; another one may.'),
  HANSE_NETWORK_UNREACHABLE: entry(
    503,
    'server_error',
    true,
    'Check the bootstrap addresses, and the way to them; a web page needs some that end in /ws or /wss.',
  ),
  HANSE_ENGINE_FAILED: peerFault('The provider’s engine failed; another provider may answer.'),
  HANSE_ENGINE_REFUSED: invalid(
    'Correct the request: the engine does not know one of its fields, or a value is out of range.',
  ),
  HANSE_ENGINE_UNAVAILABLE: entry(
    503,
    'server_error',
    true,
    'Start the inference engine, or choose another provider.',
  ),
  // Models and machines
  HANSE_MODEL_DOWNLOAD: entry(
    502,
    'server_error',
    true,
    'Check name and network; pulling again goes on where it stopped.',
  ),
  HANSE_MODEL_GATED: entry(
    403,
    'permission_error',
    false,
    'Accept the licence on the model’s page, and give a token that may read it as HANSE_HF_TOKEN.',
  ),
  HANSE_MODEL_BUSY: entry(
    409,
    'invalid_request_error',
    true,
    'Wait until the other command has done with this model.',
  ),
  HANSE_MODEL_NOT_STORED: entry(
    404,
    'not_found_error',
    false,
    'See `hanse models list` for what is stored, and pull what is missing.',
  ),
  HANSE_MODEL_DIGEST: internal(
    'The file is not what its digest says: remove it with `hanse models rm` and pull it again.',
  ),
  HANSE_MODEL_FILE: internal(
    'The file is no whole GGUF model: remove it with `hanse models rm` and pull it again.',
  ),
  HANSE_MODEL_MEMORY: internal(
    'Choose a smaller model or quantization, less context or fewer slots, or free memory.',
  ),
  HANSE_DISK_FULL: internal(
    'Free space on the disk that the message names; what was accepted before is kept.',
  ),
  // A node and its owner
  HANSE_ADDRESS_IN_USE: internal(
    'Stop what uses the port, or choose another one with the setting that the message names.',
  ),
  HANSE_ALREADY_RUNNING: internal(
    'Stop the daemon that runs with this data folder, or give this one a folder of its own.',
  ),
  HANSE_CLOCK: internal('Set the clock of this machine, for example by NTP.'),
  HANSE_NETWORK_KEY: internal(
    'Use a key file that `hanse network-key` made, the same on every node of the private network.',
  ),
  HANSE_CONTROL_UNREACHABLE: internal(
    'Start the daemon, or name its data folder or peer id: no daemon answers there.',
  ),
  HANSE_GATEWAY_UNREACHABLE: entry(
    503,
    'server_error',
    true,
    'Start one with `hanse gateway`, or name another one with --gateway-url.',
  ),
  HANSE_UPDATE_FAILED: internal('Nothing was changed; see the cause, and try again.'),
  HANSE_UPDATE_SIGNATURE: internal(
    'The release is not signed by the key that you trust; nothing was changed. Do not install it.',
  ),
  HANSE_REPLAY: internal('Replay with the model file, request and release that the bundle names.'),
  HANSE_NO_PROVIDER: entry(
    503,
    'server_error',
    true,
    'Run `hanse offers` to see which offers were excluded, and why.',
  ),
  // Statements
  HANSE_STATEMENT_LINE: invalid('Make each line of the final receipt that both sides signed.'),
  HANSE_STATEMENT_ROOT: invalid('Send all lines of the statement, in their order.'),
  HANSE_STATEMENT_TOTALS: invalid('Add up the lines to the totals of the statement before.'),
  HANSE_STATEMENT_SEQUENCE: entry(
    409,
    'invalid_request_error',
    false,
    'Begin a new lane, or settle the sessions by their receipts.',
  ),
  HANSE_STATEMENT_PREVIOUS: entry(
    409,
    'invalid_request_error',
    true,
    'Submit the statements of a lane in their order.',
  ),
  HANSE_STATEMENT_SESSION: invalid(
    'State each session once, to the consumer that countersigned its final receipt.',
  ),
  HANSE_STATEMENT_EQUIVOCATION: entry(
    409,
    'invalid_request_error',
    false,
    'Both sides signed two statements with one number: the evidence is kept; ask the operator.',
  ),
  HANSE_STATEMENT_FROZEN: entry(
    409,
    'invalid_request_error',
    false,
    'Begin a new lane, or settle the sessions by their receipts: this lane has two statements with one number.',
  ),
  // Transparency log
  HANSE_LOG_NOTE: invalid(
    'Send the signed note byte for byte as it was published: text, a blank line, signature lines.',
  ),
  HANSE_LOG_KEY: invalid(
    'Give each verifier key once, as the log or witness published it (name+hash+key).',
  ),
  HANSE_LOG_SIGNATURE: invalid(
    'A known key is named but did not sign this text; fetch the note again and report it if it stays so.',
  ),
  HANSE_LOG_UNSIGNED: invalid('Check that the key of this log is among the keys that you trust.'),
  HANSE_LOG_CHECKPOINT: invalid(
    'Send a checkpoint of origin, size and root, one a line, as C2SP tlog-checkpoint describes it.',
  ),
  HANSE_LOG_ORIGIN: invalid('Use a checkpoint of the log whose key you trust, not of another one.'),
  HANSE_LOG_POLICY: invalid('Correct the line of the trust policy that the message names.'),
  HANSE_LOG_QUORUM: invalid(
    'Wait until more witnesses have cosigned the checkpoint, or fetch a newer proof.',
  ),
  HANSE_LOG_PROOF_FORMAT: invalid('Send the proof file as it was issued (c2sp.org/tlog-proof@v1).'),
  HANSE_LOG_PROOF: invalid(
    'The proof does not lead from this entry to the signed root; ask for a new one and report the log if it fails again.',
  ),
  HANSE_LOG_INDEX: entry(
    404,
    'not_found_error',
    true,
    'Ask for an entry or size within the tree of the checkpoint, or for a newer checkpoint.',
  ),
  HANSE_LOG_ENTRY: entry(
    413,
    'invalid_request_error',
    false,
    'Log entries of at most 65,535 bytes, in batches within the limit; log a commitment to what is longer.',
  ),
  HANSE_LOG_TILE_PATH: invalid(
    'Name tiles as C2SP tlog-tiles does, for example tile/0/x001/x234/067.p/12.',
  ),
  HANSE_LOG_TILE_MISSING: entry(
    404,
    'not_found_error',
    true,
    'Fetch the tile from a mirror of the log, and report a log that withholds it.',
  ),
  HANSE_LOG_TILE: internal(
    'The tiles do not add up to the checkpoint; restore the log’s storage from a mirror or a backup.',
  ),
  HANSE_LOG_CONFLICT: entry(
    409,
    'server_error',
    true,
    'Another writer kept committing first; run one writer for each log, or try again.',
  ),
  HANSE_LOG_FORK: internal(
    'The stored log does not continue what was signed before; stop writing and restore its newest state.',
  ),
  HANSE_LOG_ROLLBACK: internal(
    'The log is smaller than a checkpoint that it signed; look at its newest copy, and report it if there is none.',
  ),
  HANSE_LOG_WITNESS_REQUEST: invalid(
    'Send add-checkpoint requests as C2SP tlog-witness describes them, with at most 63 proof lines.',
  ),
  HANSE_LOG_WITNESS_STATE: internal(
    'The checkpoint kept for this log does not open; restore the state of the witness before it cosigns again.',
  ),
  HANSE_LOG_SEALED: invalid(
    'Open sealed data with the key of its subject; where that was destroyed the data is erased.',
  ),
  // Proofs of settlement
  HANSE_AUDIT_EVENT: invalid('Ask the settlement for the proof of this very session.'),
  HANSE_AUDIT_KEY: invalid(
    'Use the record of the key that signed the log at the time of the event.',
  ),
  HANSE_AUDIT_FORK: invalid(
    'Keep both checkpoints and publish them: the log has shown different histories to different readers.',
  ),
  HANSE_AUDIT_PENDING: entry(
    404,
    'not_found_error',
    true,
    'The event is not in the log yet, or there is none: try again in a few seconds.',
  ),
  HANSE_PACKAGE_FORMAT: invalid(
    'Take the evidence package again from whoever made it: this file is damaged, or none.',
  ),
  // Gateway and settlement at the edge
  HANSE_REQUEST_INVALID: invalid('Correct the field that the message names.'),
  HANSE_REQUEST_JSON: invalid('Send a JSON object with content-type application/json.'),
  HANSE_REQUEST_TOO_LARGE: entry(
    413,
    'invalid_request_error',
    false,
    'Send a smaller request body.',
  ),
  HANSE_NOT_FOUND: entry(404, 'not_found_error', false, 'Check the path.'),
  HANSE_METHOD_NOT_ALLOWED: entry(405, 'invalid_request_error', false, 'Check the HTTP method.'),
  HANSE_UNAUTHENTICATED: entry(
    401,
    'authentication_error',
    false,
    'Send a valid key in the authorization header.',
  ),
  HANSE_FORBIDDEN: entry(403, 'permission_error', false, 'Use a key that may do this.'),
  HANSE_IDEMPOTENCY_KEY: invalid(
    'Send an idempotency-key header, and a new one for each new request.',
  ),
  HANSE_IDEMPOTENCY_MISMATCH: entry(
    422,
    'invalid_request_error',
    false,
    'Send a new idempotency-key with a request that differs.',
  ),
  HANSE_KEY_EXPIRED: entry(
    401,
    'authentication_error',
    false,
    'Make a new key with `hanse gateway keys create`, or give this one a later end.',
  ),
  HANSE_KEY_MODEL: entry(
    403,
    'permission_error',
    false,
    'Ask for a model that the key may use, or allow this one with `hanse gateway keys update`.',
  ),
  HANSE_POLICY_REFUSED: entry(
    403,
    'permission_error',
    false,
    'The organization’s policy does not allow this request: the message names the rule.',
  ),
  HANSE_RULES_UNKNOWN: entry(
    503,
    'server_error',
    true,
    'The gateway waits for its organization’s rules (--rules fail-closed): check that settlement is reachable.',
  ),
  HANSE_BUDGET_EXHAUSTED: entry(
    402,
    'insufficient_quota',
    false,
    'Raise the budget (`hanse gateway keys update`, `--budget`, or the SDK’s), or wait until its period begins anew.',
  ),
  HANSE_BUDGET_RESERVED: entry(
    429,
    'rate_limit_error',
    true,
    'Requests that still run hold the rest of the budget: try again when they have ended, or lower max_tokens.',
  ),
  HANSE_CONSENT_REQUIRED: entry(
    403,
    'permission_error',
    false,
    'State the lawful basis once with `hanse gateway consent give`, or set HANSE_EU_AUDIT=false at home.',
  ),
  HANSE_RATE_LIMITED: entry(
    429,
    'rate_limit_error',
    true,
    'Slow down, and try again after the time given.',
  ),
  HANSE_SETTLEMENT_UNAVAILABLE: entry(
    503,
    'server_error',
    true,
    'Check that the settlement service runs and is reachable.',
  ),
  HANSE_CONFIG_INVALID: internal('Correct the setting that the message names.'),
  HANSE_IDENTITY_PERMISSIONS: internal(
    'Run chmod 600 on the identity file, or delete it to get a new identity.',
  ),
  HANSE_IDENTITY_TWIN: internal(
    'Stop the daemon that uses a copy of this identity file, or move identity.key out of its data folder: it then makes an identity of its own, which settlement onboards anew.',
  ),
  HANSE_IDENTITY_CORRUPT: internal(
    'Restore the identity file from a copy, or delete it to get a new identity.',
  ),
  HANSE_INTERNAL: internal('Report this with the request id and the logs.'),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** The one error class of the protocol: a stable code, what happened, and the facts that explain it. */
export class HanseError extends Error {
  override readonly name = 'HanseError'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}

/** A fault of any kind as ours; what was not foreseen keeps its cause and says no more. */
export function asHanseError(error: unknown): HanseError {
  return error instanceof HanseError
    ? error
    : new HanseError('HANSE_INTERNAL', 'unexpected fault', { cause: error })
}
