import { LOG_EVENT_KINDS, type Residency } from '@hanse/protocol'
import {
  bigint,
  boolean,
  customType,
  date,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { PLATFORM_ROLES, ROLES } from '../access/roles.ts'
import { EVIDENCE_KINDS, OUTCOMES } from '../attestations/evidence.ts'
import type { MonthPoint } from '../documents/month-points.ts'
import { SCOPES } from '../tenants/key-scopes.ts'

// The tables as queries see them. Keys, checks and triggers live in migrations/*.sql, which alone make the database.

/** Bytes arrive as Buffer from `pg` and as Uint8Array from PGlite: always a plain Uint8Array here, to be cloned. */
const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => Uint8Array.from(value),
})
const money = (name: string) => numeric(name, { precision: 38, scale: 0, mode: 'bigint' })
const counter = (name: string) => bigint(name, { mode: 'bigint' })
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const ledgerAccount = pgTable('ledger_account', {
  id: text('id').primaryKey(),
  kind: text('kind').notNull(),
  owner: text('owner').notNull(),
  currency: text('currency').notNull().default('EUR'),
})

export const ledgerBalance = pgTable('ledger_balance', {
  account: text('account').primaryKey(),
  debits: money('debits').notNull(),
  credits: money('credits').notNull(),
  guarded: boolean('guarded').notNull(),
})

export const ledgerTransfer = pgTable('ledger_transfer', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  batch: counter('batch').notNull(),
  debit: text('debit').notNull(),
  credit: text('credit').notNull(),
  amount: money('amount').notNull(),
  kind: text('kind').notNull(),
  reference: text('reference').notNull(),
  at: instant('at').notNull(),
})

export const organization = pgTable('organization', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  createdAt: instant('created_at').notNull(),
  disabledAt: instant('disabled_at'),
  restrictedAt: instant('restricted_at'),
})

export const apiKey = pgTable('api_key', {
  prefix: text('prefix').primaryKey(),
  organization: text('organization').notNull(),
  hash: bytea('hash').notNull(),
  name: text('name').notNull().default(''),
  scopes: text('scopes', { enum: SCOPES })
    .array()
    .notNull()
    .default(['read', 'spend', 'billing', 'keys']),
  createdAt: instant('created_at').notNull(),
  revokedAt: instant('revoked_at'),
  role: text('role', { enum: ROLES }),
  createdBy: text('created_by'),
  expiresAt: instant('expires_at'),
  requestsPerMinute: integer('requests_per_minute'),
  replacedBy: text('replaced_by'),
  tags: text('tags').array().notNull().default([]),
})

export const consumer = pgTable('consumer', {
  peerId: text('peer_id').primaryKey(),
  organization: text('organization').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const provider = pgTable('provider', {
  peerId: text('peer_id').primaryKey(),
  country: text('country').notNull(),
  account: text('account'),
  formerAccount: text('former_account'),
  payableSince: instant('payable_since'),
  feeBps: integer('fee_bps').notNull(),
  binding: bytea('binding').notNull(),
  createdAt: instant('created_at').notNull(),
  restrictedAt: instant('restricted_at'),
})

export const spendAuthorization = pgTable('spend_authorization', {
  serial: counter('serial').primaryKey(),
  cid: text('cid').notNull(),
  organization: text('organization').notNull(),
  consumer: text('consumer').notNull(),
  provider: text('provider').notNull(),
  limit: money('amount_limit').notNull(),
  spent: money('spent').notNull().default(0n),
  released: money('released').notNull().default(0n),
  issuedAt: instant('issued_at').notNull(),
  notAfter: instant('not_after').notNull(),
  closedAt: instant('closed_at'),
  signed: bytea('signed').notNull(),
  idempotencyKey: text('idempotency_key'),
  requestDigest: text('request_digest').notNull(),
  extends: text('extends'),
  revocation: counter('revocation'),
  revokedAt: instant('revoked_at'),
  revokedBy: text('revoked_by', { enum: ['organization', 'operator'] }),
  attribution: text('attribution'),
  spender: counter('spender'),
  residency: jsonb('residency').$type<Residency>(),
})

export const settledSession = pgTable('settled_session', {
  session: text('session').primaryKey(),
  authorizationSerial: counter('authorization_serial'),
  organization: text('organization'),
  consumer: text('consumer').notNull(),
  provider: text('provider').notNull(),
  model: text('model').notNull(),
  sequence: counter('sequence').notNull(),
  receipt: text('receipt').notNull(),
  amount: money('amount').notNull(),
  fee: money('fee').notNull(),
  feeBps: integer('fee_bps').notNull(),
  inputTokens: counter('input_tokens').notNull(),
  cachedInputTokens: counter('cached_input_tokens').notNull(),
  outputTokens: counter('output_tokens').notNull(),
  final: text('final'),
  signedOrder: bytea('signed_order'),
  signedAcceptance: bytea('signed_acceptance'),
  statement: text('statement'),
  orderCid: text('order_cid'),
  acceptedAt: instant('accepted_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const settledReceipt = pgTable('settled_receipt', {
  session: text('session').notNull(),
  sequence: counter('sequence').notNull(),
  cid: text('cid').notNull(),
  amount: money('amount').notNull(),
  increase: money('increase').notNull(),
  signed: bytea('signed'),
  statement: text('statement'),
  at: instant('at').notNull(),
})

export const receiptConflict = pgTable('receipt_conflict', {
  session: text('session').notNull(),
  sequence: counter('sequence').notNull(),
  cid: text('cid').notNull(),
  signed: bytea('signed'),
  statement: text('statement'),
  at: instant('at').notNull(),
})

export const settledStatement = pgTable('settled_statement', {
  cid: text('cid').primaryKey(),
  authorizationSerial: counter('authorization_serial').notNull(),
  lane: counter('lane').notNull(),
  sequence: counter('sequence').notNull(),
  sessions: integer('sessions').notNull(),
  amount: money('amount').notNull(),
  signed: bytea('signed').notNull(),
  lines: bytea('lines').notNull(),
  at: instant('at').notNull(),
})

export const statementConflict = pgTable('statement_conflict', {
  authorizationSerial: counter('authorization_serial').notNull(),
  lane: counter('lane').notNull(),
  sequence: counter('sequence').notNull(),
  cid: text('cid').notNull(),
  signed: bytea('signed').notNull(),
  at: instant('at').notNull(),
})

export const topUp = pgTable('top_up', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  idempotencyKey: text('idempotency_key').notNull(),
  requestDigest: text('request_digest').notNull(),
  cents: counter('cents').notNull(),
  paymentIntent: text('payment_intent'),
  state: text('state', { enum: ['pending', 'succeeded', 'failed'] }).notNull(),
  createdAt: instant('created_at').notNull(),
  creditedAt: instant('credited_at'),
  source: text('source', { enum: ['direct', 'checkout', 'automatic'] })
    .notNull()
    .default('direct'),
  paymentMethod: text('payment_method'),
  vatCents: counter('vat_cents').notNull().default(0n),
  tax: text('tax'),
  charge: text('charge'),
  feeCents: counter('fee_cents'),
  checkout: text('checkout'),
  checkoutUrl: text('checkout_url'),
  expiresAt: instant('expires_at'),
  failure: text('failure'),
  leasedUntil: instant('leased_until'),
})

export const billingCustomer = pgTable('billing_customer', {
  organization: text('organization').primaryKey(),
  customer: text('customer'),
  kind: text('kind', { enum: ['business', 'consumer'] }),
  country: text('country'),
  sealed: bytea('sealed'),
  version: integer('version').notNull().default(0),
  syncedVersion: integer('synced_version').notNull().default(0),
  leasedUntil: instant('leased_until'),
  updatedAt: instant('updated_at').notNull(),
})

export const automaticTopUp = pgTable('automatic_top_up', {
  organization: text('organization').primaryKey(),
  enabled: boolean('enabled').notNull(),
  thresholdCents: counter('threshold_cents').notNull(),
  cents: counter('cents').notNull(),
  monthlyCents: counter('monthly_cents').notNull(),
  paymentMethod: text('payment_method').notNull(),
  failures: integer('failures').notNull().default(0),
  pausedUntil: instant('paused_until'),
  updatedAt: instant('updated_at').notNull(),
})

export const billingNotice = pgTable('billing_notice', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  organization: text('organization').notNull(),
  kind: text('kind').notNull(),
  cause: text('cause').notNull(),
  at: instant('at').notNull(),
})

export const refund = pgTable('refund', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  idempotencyKey: text('idempotency_key'),
  requestDigest: text('request_digest'),
  paymentIntent: text('payment_intent').notNull(),
  cents: counter('cents').notNull(),
  vatCents: counter('vat_cents').notNull().default(0n),
  lost: money('lost').notNull().default(0n),
  state: text('state', {
    enum: ['requested', 'submitted', 'succeeded', 'refused', 'failed'],
  }).notNull(),
  refund: text('refund'),
  failure: text('failure'),
  leasedUntil: instant('leased_until'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const dispute = pgTable('dispute', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  paymentIntent: text('payment_intent').notNull(),
  cents: counter('cents').notNull(),
  status: text('status', {
    enum: ['inquiry', 'prevented', 'needs-response', 'under-review', 'lost', 'won'],
  }).notNull(),
  reason: text('reason').notNull(),
  withdrawnCents: counter('withdrawn_cents').notNull().default(0n),
  feeCents: counter('fee_cents').notNull().default(0n),
  vatCents: counter('vat_cents').notNull().default(0n),
  moves: integer('moves').notNull().default(0),
  evidenceDueAt: instant('evidence_due_at'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const disputeMovement = pgTable('dispute_movement', {
  dispute: text('dispute').notNull(),
  number: integer('number').notNull(),
  organization: text('organization').notNull(),
  available: money('available').notNull(),
  debt: money('debt').notNull(),
  vat: money('vat').notNull(),
  at: instant('at').notNull(),
})

export const debtRecovery = pgTable('debt_recovery', {
  organization: text('organization').notNull(),
  reference: text('reference').notNull(),
  amount: money('amount').notNull(),
  at: instant('at').notNull(),
})

export const stripeCatalogue = pgTable('stripe_catalogue', {
  name: text('name').primaryKey(),
  id: text('id').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const planSubscription = pgTable('plan_subscription', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  idempotencyKey: text('idempotency_key').notNull(),
  requestDigest: text('request_digest').notNull(),
  subscription: text('subscription'),
  checkout: text('checkout'),
  checkoutUrl: text('checkout_url'),
  plan: text('plan').notNull(),
  planVersion: integer('plan_version').notNull(),
  status: text('status', {
    enum: ['requested', 'incomplete', 'active', 'past_due', 'ended', 'refused'],
  }).notNull(),
  periodStart: instant('period_start'),
  periodEnd: instant('period_end'),
  cancelAtPeriodEnd: boolean('cancel_at_period_end').notNull().default(false),
  changes: integer('changes').notNull().default(0),
  failure: text('failure'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const subscriptionInvoice = pgTable('subscription_invoice', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  planSubscription: text('plan_subscription'),
  number: text('number'),
  cents: counter('cents').notNull(),
  vatCents: counter('vat_cents').notNull(),
  creditCents: counter('credit_cents').notNull(),
  paymentIntent: text('payment_intent'),
  charge: text('charge'),
  feeCents: counter('fee_cents'),
  periodStart: instant('period_start').notNull(),
  periodEnd: instant('period_end').notNull(),
  paidAt: instant('paid_at').notNull(),
})

export const stripeCursor = pgTable('stripe_cursor', {
  list: text('list', { enum: ['v1', 'v2'] }).primaryKey(),
  seenUntil: instant('seen_until').notNull(),
  leasedUntil: instant('leased_until'),
  polledAt: instant('polled_at'),
  taken: counter('taken').notNull().default(0n),
  failure: text('failure'),
})

export const payoutRun = pgTable('payout_run', {
  id: text('id').primaryKey(),
  state: text('state', {
    enum: ['gathered', 'approved', 'executing', 'done', 'cancelled'],
  }).notNull(),
  payouts: integer('payouts').notNull(),
  cents: counter('cents').notNull(),
  gatheredBy: text('gathered_by').notNull(),
  gatheredAt: instant('gathered_at').notNull(),
  decidedBy: text('decided_by'),
  decidedAt: instant('decided_at'),
  doneAt: instant('done_at'),
})

export const payout = pgTable('payout', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  account: text('account').notNull(),
  cents: counter('cents').notNull(),
  state: text('state', { enum: ['pending', 'submitted', 'paid', 'failed'] }).notNull(),
  transfer: text('transfer'),
  failure: text('failure'),
  run: text('run'),
  reversedCents: counter('reversed_cents').notNull().default(0n),
  settledAt: instant('settled_at'),
  leasedUntil: instant('leased_until'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const payoutHold = pgTable('payout_hold', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  reason: text('reason').notNull(),
  placedBy: text('placed_by').notNull(),
  placedAt: instant('placed_at').notNull(),
  releasedBy: text('released_by'),
  releasedAt: instant('released_at'),
})

export const payoutReversal = pgTable('payout_reversal', {
  id: text('id').primaryKey(),
  payout: text('payout').notNull(),
  cents: counter('cents').notNull(),
  state: text('state', { enum: ['submitted', 'done', 'failed'] }).notNull(),
  reversal: text('reversal'),
  reason: text('reason').notNull(),
  failure: text('failure'),
  askedBy: text('asked_by').notNull(),
  idempotencyKey: text('idempotency_key'),
  createdAt: instant('created_at').notNull(),
  settledAt: instant('settled_at'),
})

export const bankPayout = pgTable('bank_payout', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  cents: counter('cents').notNull(),
  state: text('state').notNull(),
  failure: text('failure'),
  arrivesAt: instant('arrives_at').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const heldEarnings = pgTable('held_earnings', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  amount: money('amount').notNull(),
  shareBps: integer('share_bps').notNull(),
  days: integer('days').notNull(),
  earnedOn: text('earned_on').notNull(),
  freeAt: instant('free_at').notNull(),
  releasedAt: instant('released_at'),
})

export const providerDebtRecovery = pgTable('provider_debt_recovery', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  amount: money('amount').notNull(),
  at: instant('at').notNull(),
})

export const operator = pgTable('operator', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull(),
  hash: bytea('hash').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: instant('created_at').notNull(),
  revokedBy: text('revoked_by'),
  revokedAt: instant('revoked_at'),
  role: text('role', { enum: PLATFORM_ROLES }).notNull().default('operator'),
})

export const operatorPerson = pgTable('operator_person', {
  operator: text('operator').primaryKey(),
  person: text('person').notNull(),
  linkedBy: text('linked_by').notNull(),
  linkedAt: instant('linked_at').notNull(),
  endedBy: text('ended_by'),
  endedAt: instant('ended_at'),
})

export const operatorAction = pgTable('operator_action', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  operator: text('operator').notNull(),
  action: text('action').notNull(),
  path: text('path').notNull(),
  at: instant('at').notNull(),
})

export const adjustment = pgTable('adjustment', {
  id: text('id').primaryKey(),
  kind: text('kind', { enum: ['adjustment', 'write_off'] }).notNull(),
  debit: text('debit').notNull(),
  credit: text('credit').notNull(),
  amount: money('amount').notNull(),
  reason: text('reason').notNull(),
  movement: text('movement'),
  state: text('state', { enum: ['proposed', 'posted', 'rejected', 'expired'] }).notNull(),
  proposedBy: text('proposed_by').notNull(),
  proposedAt: instant('proposed_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  decidedBy: text('decided_by'),
  decidedAt: instant('decided_at'),
  note: text('note'),
})

export const reconciliation = pgTable('reconciliation', {
  id: text('id').primaryKey(),
  whole: boolean('whole').notNull(),
  since: instant('since').notNull(),
  until: instant('until').notNull(),
  askedBy: text('asked_by').notNull(),
  startedAt: instant('started_at').notNull(),
  finishedAt: instant('finished_at').notNull(),
  movements: integer('movements').notNull(),
  open: integer('open').notNull(),
  explained: integer('explained').notNull(),
  ledgerCents: counter('ledger_cents').notNull(),
  stripeCents: counter('stripe_cents').notNull(),
  balanceCompared: boolean('balance_compared').notNull(),
})

export const reconciliationDifference = pgTable('reconciliation_difference', {
  id: text('id').primaryKey(),
  side: text('side', { enum: ['receipts-ledger', 'ledger-stripe'] }).notNull(),
  subject: text('subject').notNull(),
  expected: text('expected').notNull(),
  actual: text('actual').notNull(),
  reason: text('reason').notNull(),
  state: text('state', { enum: ['open', 'explained', 'resolved'] }).notNull(),
  note: text('note'),
  resolvedBy: text('resolved_by'),
  firstSeen: text('first_seen').notNull(),
  lastSeen: text('last_seen').notNull(),
  at: instant('at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const stripeEvent = pgTable('stripe_event', {
  id: text('id').primaryKey(),
  type: text('type').notNull(),
  body: bytea('body').notNull(),
  receivedAt: instant('received_at').notNull(),
})

export const logEventTable = pgTable('log_event', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  kind: text('kind', { enum: LOG_EVENT_KINDS }).notNull(),
  record: text('record'),
  body: bytea('body').notNull(),
  salt: bytea('salt').notNull(),
  subject: bytea('subject'),
  leaf: counter('leaf'),
  at: instant('at').notNull(),
})

export const logTile = pgTable('log_tile', {
  path: text('path').primaryKey(),
  bytes: bytea('bytes').notNull(),
})

export const logCheckpoint = pgTable('log_checkpoint', {
  onlyOne: boolean('only_one').primaryKey().default(true),
  note: text('note').notNull(),
  cosigned: text('cosigned').notNull(),
})

export const logKeyTable = pgTable('log_key', {
  cid: text('cid').primaryKey(),
  vkey: text('vkey').notNull(),
  signed: bytea('signed').notNull(),
  notBefore: instant('not_before').notNull(),
  notAfter: instant('not_after').notNull(),
})

export const auditPackage = pgTable('audit_package', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  requestedBy: text('requested_by').notNull(),
  from: instant('period_from').notNull(),
  to: instant('period_to').notNull(),
  sessions: text('sessions').array().notNull(),
  since: counter('since'),
  state: text('state', { enum: ['waiting', 'done', 'failed'] }).notNull(),
  done: integer('done').notNull().default(0),
  total: integer('total'),
  failure: text('failure'),
  content: bytea('content'),
  bytes: counter('bytes'),
  sha256: text('sha256'),
  attempts: integer('attempts').notNull().default(0),
  leasedUntil: instant('leased_until'),
  createdAt: instant('created_at').notNull(),
  endedAt: instant('ended_at'),
  expiresAt: instant('expires_at'),
})

export const logWitness = pgTable('log_witness', {
  vkey: text('vkey').primaryKey(),
  size: money('size').notNull(),
})

export const subjectKey = pgTable('subject_key', {
  subject: bytea('subject').primaryKey(),
  owner: text('owner'),
  key: bytea('key'),
  createdAt: instant('created_at').notNull(),
  erasedAt: instant('erased_at'),
})

export const document = pgTable('document', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  number: text('number').notNull(),
  kind: text('kind', {
    enum: ['advance-invoice', 'credit-note', 'usage-statement', 'provider-statement'],
  }).notNull(),
  organization: text('organization'),
  provider: text('provider'),
  subject: text('subject').notNull(),
  corrects: text('corrects'),
  month: date('month'),
  taxPoint: instant('tax_point').notNull(),
  content: bytea('content'),
  figures: bytea('figures'),
  sealed: bytea('sealed'),
  sealedBy: bytea('sealed_by'),
  sha256: bytea('sha256').notNull(),
  issuedAt: instant('issued_at').notNull(),
})

export const documentKey = pgTable('document_key', {
  id: bytea('id').primaryKey(),
  organization: text('organization'),
  provider: text('provider'),
  year: integer('year').notNull(),
  key: bytea('key'),
  boxed: bytea('boxed'),
  duty: bytea('duty'),
  createdAt: instant('created_at').notNull(),
  restrictedAt: instant('restricted_at'),
  destroyedAt: instant('destroyed_at'),
})

export const closedMonth = pgTable('closed_month', {
  month: date('month').primaryKey(),
  closedAt: instant('closed_at').notNull(),
  closedBy: text('closed_by'),
  reason: text('reason'),
  openPoints: jsonb('open_points').$type<readonly MonthPoint[]>(),
})

export const providerTaxProfile = pgTable('provider_tax_profile', {
  provider: text('provider').notNull(),
  version: integer('version').notNull(),
  kind: text('kind', { enum: ['business', 'small-business', 'private'] }).notNull(),
  sealed: bytea('sealed').notNull(),
  selfBillingTerms: text('self_billing_terms'),
  at: instant('at').notNull(),
})

export const stripeIdentity = pgTable('stripe_identity', {
  single: boolean('single').primaryKey().default(true),
  account: text('account').notNull(),
  mode: text('mode', { enum: ['double', 'test', 'live'] }).notNull(),
  at: instant('at').notNull(),
})

export const person = pgTable('person', {
  id: text('id').primaryKey(),
  email: text('email').notNull(),
  name: text('name').notNull().default(''),
  passwordHash: text('password_hash'),
  emailVerifiedAt: instant('email_verified_at'),
  disabledAt: instant('disabled_at'),
  restrictedAt: instant('restricted_at'),
  erasedAt: instant('erased_at'),
  createdAt: instant('created_at').notNull(),
})

export const personSession = pgTable('person_session', {
  id: text('id').primaryKey(),
  hash: bytea('hash').notNull(),
  person: text('person').notNull(),
  createdAt: instant('created_at').notNull(),
  seenAt: instant('seen_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  revokedAt: instant('revoked_at'),
  userAgent: text('user_agent'),
  authenticatedAt: instant('authenticated_at').notNull(),
  factors: text('factors', { enum: ['password', 'totp', 'passkey', 'sso'] })
    .array()
    .notNull(),
})

export const providerLink = pgTable('provider_link', {
  peerId: text('peer_id').notNull(),
  person: text('person').notNull(),
  linkedAt: instant('linked_at').notNull(),
})

export const providerLinkCode = pgTable('provider_link_code', {
  person: text('person').primaryKey(),
  hash: bytea('hash').notNull(),
  expiresAt: instant('expires_at').notNull(),
})

export const member = pgTable('member', {
  organization: text('organization').notNull(),
  person: text('person').notNull(),
  role: text('role', { enum: ['owner', 'admin', 'developer', 'billing', 'auditor'] }).notNull(),
  createdAt: instant('created_at').notNull(),
  removedAt: instant('removed_at'),
})

export const personToken = pgTable('person_token', {
  hash: bytea('hash').primaryKey(),
  person: text('person').notNull(),
  purpose: text('purpose', { enum: ['verify', 'reset', 'change'] }).notNull(),
  email: text('email').notNull(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  usedAt: instant('used_at'),
})

export const personPasskey = pgTable('person_passkey', {
  id: text('id').primaryKey(),
  person: text('person').notNull(),
  publicKey: bytea('public_key').notNull(),
  counter: bigint('counter', { mode: 'number' }).notNull(),
  transports: text('transports').array().notNull().default([]),
  name: text('name').notNull().default(''),
  backedUp: boolean('backed_up').notNull(),
  createdAt: instant('created_at').notNull(),
  usedAt: instant('used_at'),
})

export const personChallenge = pgTable('person_challenge', {
  challenge: text('challenge').primaryKey(),
  person: text('person'),
  expiresAt: instant('expires_at').notNull(),
})

export const personTotp = pgTable('person_totp', {
  person: text('person').primaryKey(),
  sealed: bytea('sealed').notNull(),
  createdAt: instant('created_at').notNull(),
  confirmedAt: instant('confirmed_at'),
  lastStep: bigint('last_step', { mode: 'number' }).notNull().default(-1),
})

export const personRecoveryCode = pgTable('person_recovery_code', {
  person: text('person').notNull(),
  hash: bytea('hash').notNull(),
  createdAt: instant('created_at').notNull(),
  usedAt: instant('used_at'),
})

export const signInAttempt = pgTable('sign_in_attempt', {
  subject: bytea('subject').primaryKey(),
  failures: integer('failures').notNull(),
  lastAt: instant('last_at').notNull(),
  notBefore: instant('not_before').notNull(),
})

export const trialGrant = pgTable('trial_grant', {
  person: text('person').primaryKey(),
  organization: text('organization').notNull(),
  mailbox: bytea('mailbox').notNull(),
  domain: text('domain').notNull(),
  place: integer('place'),
  amount: money('amount').notNull(),
  at: instant('at').notNull(),
})

export const accessLog = pgTable('access_log', {
  id: counter('id').primaryKey().generatedAlwaysAsIdentity(),
  organization: text('organization'),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  targets: jsonb('targets').$type<Readonly<Record<string, string>>>().notNull(),
  outcome: text('outcome').notNull(),
  address: text('address'),
  at: instant('at').notNull(),
  request: uuid('request'),
})

export const invitation = pgTable('invitation', {
  id: text('id').primaryKey(),
  organization: text('organization').notNull(),
  email: text('email').notNull(),
  role: text('role', { enum: ROLES }).notNull(),
  hash: bytea('hash').notNull(),
  invitedBy: text('invited_by').notNull(),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  sent: integer('sent').notNull().default(1),
  acceptedBy: text('accepted_by'),
  acceptedAt: instant('accepted_at'),
  revokedAt: instant('revoked_at'),
})

export const ssoConnection = pgTable('sso_connection', {
  organization: text('organization').primaryKey(),
  issuer: text('issuer').notNull(),
  clientId: text('client_id').notNull(),
  secretSealed: bytea('secret_sealed').notNull(),
  defaultRole: text('default_role', {
    enum: ['admin', 'developer', 'billing', 'auditor'],
  }).notNull(),
  enforced: boolean('enforced').notNull().default(false),
  updatedAt: instant('updated_at').notNull(),
})

export const ssoDomain = pgTable('sso_domain', {
  organization: text('organization').notNull(),
  domain: text('domain').notNull(),
  token: text('token').notNull(),
  createdAt: instant('created_at').notNull(),
  verifiedAt: instant('verified_at'),
})

export const ssoSignIn = pgTable('sso_sign_in', {
  state: bytea('state').primaryKey(),
  organization: text('organization').notNull(),
  issuer: text('issuer').notNull(),
  clientId: text('client_id').notNull(),
  browser: bytea('browser').notNull(),
  nonce: text('nonce').notNull(),
  verifier: text('verifier').notNull(),
  expiresAt: instant('expires_at').notNull(),
})

export const ssoIdentity = pgTable('sso_identity', {
  organization: text('organization').notNull(),
  issuer: text('issuer').notNull(),
  subject: text('subject').notNull(),
  person: text('person').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const ssoSession = pgTable('sso_session', {
  session: text('session').primaryKey(),
  organization: text('organization').notNull(),
})

export const scimToken = pgTable('scim_token', {
  organization: text('organization').primaryKey(),
  hash: bytea('hash').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const scimUser = pgTable('scim_user', {
  organization: text('organization').notNull(),
  person: text('person').notNull(),
  externalId: text('external_id'),
  active: boolean('active').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const locationChallenge = pgTable('location_challenge', {
  provider: text('provider').primaryKey(),
  nonce: bytea('nonce').notNull(),
  givenAt: instant('given_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
})

export const locationEvidence = pgTable('location_evidence', {
  provider: text('provider').notNull(),
  kind: text('kind', { enum: EVIDENCE_KINDS }).notNull(),
  country: text('country').notNull(),
  outcome: text('outcome', { enum: OUTCOMES }).notNull(),
  reference: text('reference').notNull(),
  pings: bytea('pings').notNull(),
  observedAt: instant('observed_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
})

export const attestationBlock = pgTable('attestation_block', {
  provider: text('provider').primaryKey(),
  reason: text('reason').notNull(),
  at: instant('at').notNull(),
  liftedAt: instant('lifted_at'),
})

export const attestation = pgTable('attestation', {
  cid: text('cid').primaryKey(),
  provider: text('provider').notNull(),
  country: text('country').notNull(),
  level: integer('level').notNull(),
  signed: bytea('signed').notNull(),
  notBefore: instant('not_before').notNull(),
  notAfter: instant('not_after').notNull(),
  issuedAt: instant('issued_at').notNull(),
  revokedAt: instant('revoked_at'),
  reason: text('reason'),
  revocation: counter('revocation'),
})
