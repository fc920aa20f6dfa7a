import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import {
  providerProfileSchema,
  SELF_BILLING_TERMS,
  type StoredProviderProfile,
} from '../documents/provider-profile.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { providerOf } from './provider-auth.ts'
import { takeRawJson } from './raw-json.ts'

/** An address and some numbers. */
const BODY_BYTES_MAX = 8192
const said = z.string().optional()
const response = {
  200: z.object({
    profile: z
      .object({
        kind: z.string(),
        name: z.string(),
        street: z.string(),
        postalCode: z.string(),
        city: z.string(),
        country: z.string(),
        vatId: said,
        taxNumber: said,
        registration: said,
        email: said,
        selfBillingTerms: said,
      })
      .nullable(),
    version: z.number(),
    at: z.number().nullable(),
    selfBillingTerms: z.string(),
  }),
}

/** What a provider says of itself for its statements, and that we may write its invoices. The node's signature is its key. */
export function providerProfileRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)

    routes.get(
      '/v1/providers/self/tax-profile',
      { config: { access: 'signed' }, schema: { response } },
      async (request) => answer(await store.providerProfile(providerOf(request, context), now())),
    )

    routes.put(
      '/v1/providers/self/tax-profile',
      {
        config: { access: 'signed' },
        schema: {
          description: `JSON of who the provider is to the tax office; with selfBillingTerms "${SELF_BILLING_TERMS}" it agrees to self-billing`,
          response,
        },
      },
      async (request) => {
        const peerId = providerOf(request, context)
        if ((await store.provider(peerId)) === undefined) {
          throw new SettlementError(
            'HANSE_PROVIDER_UNKNOWN',
            `${peerId} has no payout account here`,
          )
        }
        const given = providerProfileSchema.safeParse(JSON.parse(String(request.body)))
        if (!given.success) {
          const [issue] = given.error.issues
          const where = issue?.path.join('.') ?? ''
          throw new SettlementError('HANSE_REQUEST_INVALID', `${where} ${issue?.message ?? ''}`)
        }
        await store.setProviderProfile(peerId, given.data, now())
        return answer(await store.providerProfile(peerId, now()))
      },
    )
  })
}

const answer = (stored: StoredProviderProfile | undefined) => ({
  profile: stored?.profile ?? null,
  version: stored?.version ?? 0,
  at: stored?.at ?? null,
  selfBillingTerms: SELF_BILLING_TERMS,
})
