import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { nodeWay, ownerWay, type ProviderWay } from './provider-ways.ts'
import { money } from './schemas.ts'

/** The last of each; older ones are in the provider's statements. */
const LAST = 50

const schema = z.object({
  peerId: z.string(),
  payable: money,
  heldBack: money,
  inTransit: money,
  debt: money,
  onHold: z.boolean(),
  /** What the platform keeps of what this provider’s consumers pay, basis points: of its contract. */
  feeBps: z.number(),
  held: z.array(
    z.object({ amount: money, shareBps: z.number(), heldAt: z.number(), freeAt: z.number() }),
  ),
  payouts: z.array(
    z.object({
      id: z.string(),
      cents: money,
      reversedCents: money,
      state: z.enum(['pending', 'submitted', 'paid', 'failed']),
      failure: z.string().nullable(),
      createdAt: z.number(),
      updatedAt: z.number(),
    }),
  ),
  bankPayouts: z.array(
    z.object({
      id: z.string(),
      cents: money,
      state: z.enum(['pending', 'in_transit', 'paid', 'failed', 'canceled']),
      failure: z.string().nullable(),
      arrivesAt: z.number(),
      createdAt: z.number(),
    }),
  ),
})

/** What a provider has earned: for whoever has the node's key, for people whom it has let in, and for nobody else. */
export function earningsRoutes(app: App, context: SettlementContext): void {
  earningsBy(nodeWay(context, '/v1/provider'), app, context)
  earningsBy(ownerWay(context), app, context)
}

function earningsBy(way: ProviderWay, app: App, { store }: SettlementContext): void {
  const { prefix, config, params } = way
  app.get(
    `${prefix}/earnings`,
    {
      config,
      schema: {
        description:
          'Of the provider whose key has signed the request (RFC 9421), or that is linked to who is signed in. Amounts are pico-euro; each part that is held back has the time when it is free.',
        params,
        response: { 200: schema },
      },
    },
    async (request) => {
      const peerId = await way.reader(request)
      const row = await store.provider(peerId)
      if (row === undefined) {
        throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${peerId} has no payout account here`)
      }
      const holds = await store.payoutHolds({ provider: peerId, open: true, limit: 1 })
      return {
        peerId,
        ...(await store.providerMoney(peerId)),
        onHold: holds.length > 0,
        feeBps: row.feeBps,
        held: await store.heldEarnings(peerId),
        payouts: await store.providerPayouts(peerId, LAST),
        bankPayouts: await store.bankPayouts(peerId, LAST),
      }
    },
  )
}
