import type { Parameter, RouteName } from './openapi-types.ts'

/** Routes that move money: the same key finds what the first request did, whose answer may have been lost. */
export const MOVES_MONEY: ReadonlySet<RouteName> = new Set<RouteName>([
  'POST /v1/top-ups',
  'POST /v1/checkouts',
  'POST /v1/refunds',
  'POST /v1/subscription',
  'POST /v1/authorizations',
  'POST /v1/authorizations/{cid}/top-ups',
  'POST /v1/admin/refunds',
  'POST /v1/admin/payouts/{payout}/reversals',
])

export const IDEMPOTENCY_KEY: Parameter = {
  name: 'idempotency-key',
  in: 'header',
  required: true,
  description:
    'Chosen by the client, new for each new request. The same key with the same request is answered as the first was, and ' +
    'does nothing again; with another request it is refused.',
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    examples: ['6f1f6b1c-2f0e-4d7e-9a53-0c8a7a3d2f11'],
  },
}
