import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import {
  CERTIFICATION,
  MISSING,
  TRADER_STATES,
  traderDeclarationSchema,
} from '../traders/declaration.ts'
import { settleTrader, type Trader, traderOf } from '../traders/settle-trader.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { nodeWay, ownerWay, type ProviderWay } from './provider-ways.ts'
import { givenJson, takeRawJson } from './raw-json.ts'
import { peerId } from './schemas.ts'

const security = [{ key: [] }]
/** An address and some numbers. */
const BODY_BYTES_MAX = 8192
const params = z.object({ peerId })
const missing = z.array(z.object({ what: z.string(), law: z.enum(['dsa', 'dac7']) }))
const spoken = z.string().nullable()

const publicSchema = z.object({
  peerId: z.string(),
  kind: z.enum(['business', 'small-business', 'private']),
  /** Of a private person nothing more is said here: it is no trader. */
  trader: z
    .object({
      name: z.string(),
      street: z.string(),
      postalCode: z.string(),
      city: z.string(),
      country: z.string(),
      telephone: z.string(),
      email: z.string(),
      register: z.object({ name: z.string(), number: z.string() }).nullable(),
      vatId: spoken,
      certification: z.object({ terms: z.string(), at: z.number() }),
    })
    .nullable(),
  state: z.enum(['declared', 'verified']),
})

const ownSchema = z.object({
  peerId: z.string(),
  state: z.enum(TRADER_STATES),
  missing,
  suspendedFrom: z.number().nullable(),
  suspendedSince: z.number().nullable(),
  version: z.number(),
  declaration: traderDeclarationSchema.nullable(),
  certification: z.string(),
  review: z
    .object({
      outcome: z.enum(['verified', 'refused']),
      reference: z.string(),
      by: z.string(),
      at: z.number(),
    })
    .nullable(),
})

/** Who providers are: what Art. 30 of the DSA has them say, and what of it consumers see. */
export function traderRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/providers/:peerId/trader',
    {
      config: { access: 'public', rateLimit: { max: 300, timeWindow: 60_000 } },
      schema: {
        description:
          'Who a provider is, as it says itself (Art. 30 (7) DSA). `verified` says that an operator has looked at it. Of private persons only that they are no traders.',
        params,
        response: { 200: publicSchema },
      },
    },
    async (request) => shownOf(await find(request.params.peerId)),
  )

  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)
    ownBy(nodeWay(context), routes)
  })
  ownBy(ownerWay(context), app, traderDeclarationSchema)

  /** @param body what JSON of the body is checked against before the route runs; without it the route reads the bytes */
  function ownBy(way: ProviderWay, routes: App, body?: typeof traderDeclarationSchema): void {
    const { prefix, config, reader, writer } = way
    const path = `${prefix}/trader`
    routes.get(
      path,
      {
        config,
        schema: {
          description:
            'What is missing of a provider’s own data, and when payouts stop for want of it',
          params: way.params,
          response: { 200: ownSchema },
        },
      },
      async (request) => own(await find(await reader(request))),
    )
    routes.put(
      path,
      {
        config,
        schema: {
          description: `JSON of telephone, email, register, certification "${CERTIFICATION}" (I offer only services that comply with Union law), tins and, of a natural person, name and birth. It is sealed, and a new version is looked at anew.`,
          params: way.params,
          ...(body !== undefined && { body }),
          response: { 200: ownSchema },
        },
      },
      async (request) => {
        const provider = await writer(request)
        const before = await find(provider)
        if (before.profile === undefined) {
          throw new SettlementError('HANSE_TRADER_PROFILE', 'a trader has a name and an address')
        }
        const given = givenJson(request.body, traderDeclarationSchema)
        await store.setTrader(provider, given, now())
        await settleTrader(context, provider)
        return own(await find(provider))
      },
    )
  }

  app.get(
    '/v1/admin/traders/:peerId',
    {
      config: { access: 'operator' },
      schema: { security, params, response: { 200: ownSchema } },
    },
    async (request) => own(await find(request.params.peerId)),
  )

  app.post(
    '/v1/admin/traders/:peerId/reviews',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'An operator has compared this version with registers and documents (Art. 30 (2) DSA): `reference` says where the proof is, or what is wrong.',
        params,
        body: z.strictObject({
          version: z.int().min(1),
          outcome: z.enum(['verified', 'refused']),
          reference: z.string().trim().min(1).max(200),
        }),
        response: { 200: ownSchema },
      },
    },
    async (request) => {
      const { version, outcome, reference } = request.body
      const { peerId: provider } = request.params
      await find(provider)
      const by = operatorOf(request).id
      await store.reviewTrader(provider, version, { outcome, reference, by, at: now() })
      await settleTrader(context, provider)
      return own(await find(provider))
    },
  )

  async function find(provider: string): Promise<Trader> {
    const trader = await traderOf(context, provider)
    if (trader !== undefined) return trader
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${provider} has no payout account here`)
  }
}

const own = (trader: Trader): z.output<typeof ownSchema> => ({
  peerId: trader.provider.peerId,
  state: trader.state,
  missing: trader.missing.map((what) => ({ what, law: MISSING[what] })),
  suspendedFrom: trader.suspendedFrom,
  suspendedSince: trader.suspendedSince,
  version: trader.stored?.version ?? 0,
  declaration: trader.stored?.declaration ?? null,
  certification: CERTIFICATION,
  review: trader.stored?.review ?? null,
})

/** @throws {SettlementError} HANSE_NOT_FOUND where nothing is said yet, or an operator has refused it */
function shownOf({ provider, profile, stored, state }: Trader): z.output<typeof publicSchema> {
  const { peerId: id } = provider
  const isPrivate = profile?.kind === 'private'
  if (profile === undefined || state === 'refused' || (!isPrivate && stored === undefined)) {
    throw new SettlementError('HANSE_NOT_FOUND', `${id} has not said who it is`)
  }
  const shown = state === 'verified' ? 'verified' : 'declared'
  if (isPrivate || stored === undefined) {
    return { peerId: id, kind: profile.kind, trader: null, state: shown }
  }
  const { kind, name, street, postalCode, city, country, vatId } = profile
  const { telephone, email, register, certification } = stored.declaration
  const address = { name, street, postalCode, city, country }
  return {
    peerId: id,
    kind,
    trader: {
      ...address,
      telephone,
      email,
      register: register ?? null,
      vatId: vatId ?? null,
      certification: { terms: certification, at: stored.at },
    },
    state: shown,
  }
}
