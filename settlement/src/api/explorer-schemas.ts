import { z } from 'zod'
import { CAUSE_TYPES } from '../explorer/cause.ts'
import { ACCOUNT_KINDS, TRANSFER_KINDS } from '../ledger/accounts.ts'
import { money } from './schemas.ts'

export const accountKind = z.enum(ACCOUNT_KINDS as [string, ...string[]])
const transferKind = z.enum(TRANSFER_KINDS)

export const entrySchema = z.object({
  id: money,
  batch: money,
  debit: z.string(),
  credit: z.string(),
  amount: money,
  kind: transferKind,
  reference: z.string(),
  at: z.number(),
})

export const paidBySchema = z.object({
  payout: z.string(),
  state: z.string(),
  transfer: money,
  at: z.number(),
})
const postingSchema = entrySchema.extend({ paidBy: paidBySchema.nullable() })

export const accountSchema = z.object({
  account: z.string(),
  kind: accountKind,
  owner: z.string(),
  debits: money,
  credits: money,
})

export const totalSchema = z.object({
  kind: accountKind,
  accounts: z.number(),
  debits: money,
  credits: money,
})

export const transferSchema = z.object({
  transfer: entrySchema,
  postings: z.array(entrySchema),
  cause: z
    .object({
      type: z.enum(CAUSE_TYPES),
      id: z.string(),
      party: z.string().nullable(),
      state: z.string().nullable(),
      at: z.number().nullable(),
    })
    .nullable(),
  paidBy: paidBySchema.nullable(),
})

export const earningsSchema = z.object({
  account: z.string(),
  from: money.nullable(),
  until: money,
  opening: money,
  movements: z.array(
    z.object({
      kind: transferKind,
      side: z.enum(['in', 'out']),
      count: z.number(),
      amount: money,
    }),
  ),
  paid: money,
  closing: money,
})

export const sessionSchema = z.object({
  key: z.string(),
  session: z.string(),
  organization: z.string().nullable(),
  consumer: z.string(),
  provider: z.string(),
  model: z.string(),
  amount: money,
  fee: money,
  receipt: z.string(),
  statement: z.string().nullable(),
  updatedAt: z.number(),
  frozenAt: z.number().nullable(),
})

export const trailSchema = sessionSchema.extend({
  inputTokens: money,
  cachedInputTokens: money,
  outputTokens: money,
  sequence: money,
  final: z.string().nullable(),
  acceptedAt: z.number(),
  authorization: z.string().nullable(),
  receipts: z.array(
    z.object({
      sequence: money,
      cid: z.string(),
      amount: money,
      increase: money,
      statement: z.string().nullable(),
      at: z.number(),
    }),
  ),
  conflicts: z.array(z.object({ sequence: money, cid: z.string(), at: z.number() })),
  postings: z.array(postingSchema),
})

export const statementSchema = z.object({
  cid: z.string(),
  authorization: z.string(),
  organization: z.string(),
  provider: z.string(),
  sessions: z.number(),
  amount: money,
  at: z.number(),
  lines: z.array(
    z.object({
      session: z.string(),
      receipt: z.string(),
      model: z.string(),
      sequence: money,
      amount: money,
    }),
  ),
  postings: z.array(postingSchema),
})
