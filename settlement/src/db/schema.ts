import { LOG_EVENT_KINDS } from '@hanse/protocol'
import {
  bigint,
  boolean,
  customType,
  integer,
  numeric,
  pgTable,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'

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
})

export const apiKey = pgTable('api_key', {
  prefix: text('prefix').primaryKey(),
  organization: text('organization').notNull(),
  hash: bytea('hash').notNull(),
  createdAt: instant('created_at').notNull(),
  revokedAt: instant('revoked_at'),
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
  payableSince: instant('payable_since'),
  feeBps: integer('fee_bps').notNull(),
  binding: bytea('binding').notNull(),
  createdAt: instant('created_at').notNull(),
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
})

export const payout = pgTable('payout', {
  id: text('id').primaryKey(),
  provider: text('provider').notNull(),
  account: text('account').notNull(),
  cents: counter('cents').notNull(),
  state: text('state', { enum: ['pending', 'submitted', 'paid', 'failed'] }).notNull(),
  transfer: text('transfer'),
  failure: text('failure'),
  leasedUntil: instant('leased_until'),
  createdAt: instant('created_at').notNull(),
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
