import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ADJUSTMENT_MS, parseAccount } from '../adjustments/adjustment.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { type AccountId, accountId, LOSSES } from '../ledger/accounts.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { amount, money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500
const id = z.string().min(1).max(64)
const reason = z.string().trim().min(1).max(500)
const account = z.string().min(3).max(128)
const state = z.enum(['proposed', 'posted', 'rejected', 'expired'])

const adjustmentSchema = z.object({
  id: z.string(),
  kind: z.enum(['adjustment', 'write_off']),
  debit: z.string(),
  credit: z.string(),
  amount: money,
  reason: z.string(),
  movement: z.string().nullable(),
  state,
  proposedBy: z.string(),
  proposedAt: z.number(),
  expiresAt: z.number(),
  decidedBy: z.string().nullable(),
  decidedAt: z.number().nullable(),
  note: z.string().nullable(),
})

/** What to post, or whose debt to give up. */
const proposal = z.union([
  z.strictObject({
    kind: z.literal('adjustment').default('adjustment'),
    debit: account,
    credit: account,
    amount,
    reason,
    movement: z
      .string()
      .regex(/^\w{1,255}$/u)
      .optional(),
  }),
  z.strictObject({
    kind: z.literal('write_off'),
    owner: z.string().min(1).max(100),
    amount,
    reason,
  }),
])

/** Postings that two operators answer for. */
export function adjustmentRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/admin/adjustments',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Proposes a posting between two accounts; nothing moves until another operator approves it',
        body: proposal,
        response: { 200: adjustmentSchema },
      },
    },
    (request) => {
      const at = now()
      return store.proposeAdjustment({
        id: `ad-${randomUUID()}`,
        ...postingOf(request.body),
        proposedBy: operatorOf(request).id,
        proposedAt: at,
        expiresAt: at + ADJUSTMENT_MS,
      })
    },
  )

  for (const decision of ['approve', 'reject'] as const) {
    app.post(
      `/v1/admin/adjustments/:adjustment/${decision}`,
      {
        config: { access: 'operator' },
        schema: {
          security,
          params: z.object({ adjustment: id }),
          body: z.strictObject({ note: reason.optional() }).default({}),
          response: { 200: adjustmentSchema },
        },
      },
      (request) => {
        const by = operatorOf(request).id
        const given = {
          id: request.params.adjustment,
          by,
          note: request.body.note ?? null,
          at: now(),
        }
        return decision === 'approve'
          ? store.approveAdjustment(given)
          : store.rejectAdjustment(given)
      },
    )
  }

  app.get(
    '/v1/admin/adjustments',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
          after: z.string().max(64).default(''),
          state: state.optional(),
        }),
        response: {
          200: z.object({ adjustments: z.array(adjustmentSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query: { state: wanted, ...page } }) => {
      const adjustments = await store.adjustments({
        ...page,
        ...(wanted !== undefined && { state: wanted }),
      })
      const last = adjustments.length < page.limit ? undefined : adjustments.at(-1)
      return { adjustments, next: last?.id ?? null }
    },
  )
}

function postingOf(given: z.output<typeof proposal>) {
  const { amount: sum, reason: why } = given
  if (given.kind === 'write_off') {
    const credit = accountId('debt', given.owner)
    return { kind: given.kind, debit: LOSSES, credit, amount: sum, reason: why, movement: null }
  }
  const { kind, movement = null } = given
  return {
    kind,
    debit: parsed(given.debit),
    credit: parsed(given.credit),
    amount: sum,
    reason: why,
    movement,
  }
}

function parsed(name: string): AccountId {
  const found = parseAccount(name)
  if (found !== undefined) return found
  throw new SettlementError('HANSE_ADJUSTMENT_ACCOUNT', `${name} is no account`)
}
