import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import {
  providerProfileSchema,
  SELF_BILLING_TERMS,
  type StoredProviderProfile,
} from '../documents/provider-profile.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { nodeWay, ownerWay, type ProviderWay } from './provider-ways.ts'
import { givenJson, takeRawJson } from './raw-json.ts'

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

/** What a provider says of itself for its statements, and that we may write its invoices. */
export function providerProfileRoutes(app: App, context: SettlementContext): void {
  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)
    profileBy(nodeWay(context), routes, context)
  })
  profileBy(ownerWay(context), app, context, providerProfileSchema)
}

/** @param body what JSON of the body is checked against before the route runs; without it the route reads the bytes */
function profileBy(
  way: ProviderWay,
  app: App,
  { store, now }: SettlementContext,
  body?: typeof providerProfileSchema,
): void {
  const { prefix, config, params, reader, writer } = way
  const path = `${prefix}/tax-profile`
  app.get(path, { config, schema: { params, response } }, async (request) =>
    answer(await store.providerProfile(await reader(request), now())),
  )

  app.put(
    path,
    {
      config,
      schema: {
        description: `JSON of who the provider is to the tax office; with selfBillingTerms "${SELF_BILLING_TERMS}" it agrees to self-billing`,
        params,
        ...(body !== undefined && { body }),
        response,
      },
    },
    async (request) => {
      const peerId = await writer(request)
      if ((await store.provider(peerId)) === undefined) {
        throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${peerId} has no payout account here`)
      }
      await store.setProviderProfile(peerId, givenJson(request.body, providerProfileSchema), now())
      return answer(await store.providerProfile(peerId, now()))
    },
  )
}

const answer = (stored: StoredProviderProfile | undefined) => ({
  profile: stored?.profile ?? null,
  version: stored?.version ?? 0,
  at: stored?.at ?? null,
  selfBillingTerms: SELF_BILLING_TERMS,
})
