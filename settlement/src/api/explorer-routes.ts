import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { AccountId, AccountKind } from '../ledger/accounts.ts'
import type { App } from './app.ts'
import {
  accountKind,
  accountSchema,
  earningsSchema,
  sessionSchema,
  statementSchema,
  totalSchema,
  trailSchema,
  transferSchema,
} from './explorer-schemas.ts'
import { counterCursor, nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)
const account = z
  .string()
  .max(200)
  .regex(/^[a-z_]+\/.+$/u, { error: 'not kind/owner' })
  .transform((text) => text as AccountId)
/** A CID, and what `claimAs` puts behind it. */
const session = z.string().min(1).max(200)
/** Longer than the longest Statement. */
const OFFSET_MAX = 100_000

/** From any euro to its receipts, and from a receipt to who was paid: for operators. */
export function explorerRoutes(app: App, context: SettlementContext): void {
  ledgerRoutes(app, context)
  trailRoutes(app, context)
}

function ledgerRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/admin/ledger/accounts',
    {
      config,
      schema: {
        security,
        description: 'By kind and owner; what an account owes or is owed is credits less debits',
        querystring: z.strictObject({
          limit,
          after: account.optional(),
          kind: accountKind.optional(),
          owner: z.string().min(1).max(128).optional(),
        }),
        response: {
          200: z.object({ accounts: z.array(accountSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query }) => {
      const { after, kind, owner } = query
      const accounts = await store.ledgerAccounts({
        limit: query.limit,
        ...(after !== undefined && { after }),
        ...(kind !== undefined && { kind: kind as AccountKind }),
        ...(owner !== undefined && { owner }),
      })
      const last = accounts.length < query.limit ? undefined : accounts.at(-1)
      return { accounts, next: last?.account ?? null }
    },
  )

  app.get(
    '/v1/admin/ledger/totals',
    {
      config,
      schema: {
        security,
        description: 'The trial balance: debits and credits over all kinds are the same sum',
        response: { 200: z.object({ totals: z.array(totalSchema) }) },
      },
    },
    async () => ({ totals: await store.ledgerTotals() }),
  )

  app.get(
    '/v1/admin/ledger/transfers/:transfer',
    {
      config,
      schema: {
        security,
        description: 'A transfer, what else the same thing moved, what that was, and who was paid',
        params: z.object({ transfer: counterCursor }),
        response: { 200: transferSchema },
      },
    },
    async ({ params }) => {
      const found = await store.ledgerTransfer(params.transfer)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such transfer')
      return { ...found, postings: [...found.postings] }
    },
  )

  app.get(
    '/v1/admin/payouts/:payout/earnings',
    {
      config,
      schema: {
        security,
        description:
          'What a payout paid: `opening` and `movements` are `paid` and `closing`. Its entries are those of the account after `from` and before `until`.',
        params: z.object({ payout: z.string().min(1).max(64) }),
        response: { 200: earningsSchema },
      },
    },
    async ({ params }) => {
      const found = await store.payoutEarnings(params.payout)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such payout')
      return { ...found, movements: [...found.movements] }
    },
  )
}

function trailRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/admin/sessions',
    {
      config,
      schema: {
        security,
        description:
          'Settled sessions of an organization or of a provider, or those that are frozen; newest first',
        querystring: timePage.extend({
          organization: z.string().min(1).max(64).optional(),
          provider: z.string().min(1).max(64).optional(),
          frozen: z.literal('true').optional(),
          before: z
            .string()
            .regex(/^\d{1,15}\.[\w:~-]{1,200}$/u)
            .transform((text) => {
              const dot = text.indexOf('.')
              return { at: Number(text.slice(0, dot)), id: text.slice(dot + 1) }
            })
            .optional(),
        }),
        response: {
          200: z.object({ sessions: z.array(sessionSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query }) => {
      const { organization, provider, before } = query
      const frozen = query.frozen !== undefined
      if (organization === undefined && provider === undefined && !frozen) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'say whose, or frozen=true')
      }
      const sessions = await store.settledSessions({
        limit: query.limit,
        frozen,
        ...(before !== undefined && { before }),
        ...(organization !== undefined && { organization }),
        ...(provider !== undefined && { provider }),
      })
      const last = sessions.length < query.limit ? undefined : sessions.at(-1)
      const at = frozen ? last?.frozenAt : last?.updatedAt
      return { sessions, next: nextOf(at ?? undefined, last?.key) }
    },
  )

  app.get(
    '/v1/admin/sessions/:session',
    {
      config,
      schema: {
        security,
        description:
          'A session with its receipts, what they posted, and the payouts that paid it; by its key or the CID of its order',
        params: z.object({ session }),
        response: { 200: trailSchema },
      },
    },
    async ({ params }) => {
      const found = await store.sessionTrail(params.session)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such session')
      return {
        ...found,
        receipts: [...found.receipts],
        conflicts: [...found.conflicts],
        postings: [...found.postings],
      }
    },
  )

  app.get(
    '/v1/admin/statements/:cid',
    {
      config,
      schema: {
        security,
        description: 'A Statement, some of its sessions from `offset` on, and its one posting',
        params: z.object({ cid: z.string().min(1).max(80) }),
        querystring: z.strictObject({
          limit,
          offset: z.coerce.number().int().min(0).max(OFFSET_MAX).default(0),
        }),
        response: { 200: statementSchema },
      },
    },
    async ({ params, query }) => {
      const found = await store.statementTrail(params.cid, query)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such statement')
      return { ...found, lines: [...found.lines], postings: [...found.postings] }
    },
  )
}
