import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { ACCOUNT_KINDS } from '../ledger/accounts.ts'
import type { App } from './app.ts'
import { money } from './schemas.ts'

/** The books at a glance. */
export function balanceSheetRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/admin/ledger/balances',
    {
      config: { access: 'operator' },
      schema: {
        security: [{ key: [] }],
        description:
          'What all accounts of each kind come to, pico-euro. All debits together are all credits together.',
        response: {
          200: z.object({
            at: z.number(),
            balances: z.array(
              z.object({
                kind: z.enum(ACCOUNT_KINDS),
                accounts: z.number(),
                debits: money,
                credits: money,
              }),
            ),
          }),
        },
      },
    },
    async () => ({ at: now(), balances: await store.balanceSheet() }),
  )
}
