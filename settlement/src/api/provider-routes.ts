import {
  decodeCanonical,
  RECORD_BYTES_MAX,
  type SignedRecord,
  signedRecordSchema,
} from '@hanse/protocol'
import { z } from 'zod'
import { releaseByProvider } from '../authorizations/end-early.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import {
  bindProvider,
  type ProviderAccount,
  providerAccount,
} from '../providers/provider-account.ts'
import type { App } from './app.ts'
import { cborBody } from './receipt-routes.ts'
import { money, peerId, signedJson, toSignedJson } from './schemas.ts'

export const requirementSchema = z.object({
  what: z.string(),
  from: z.enum(['provider', 'stripe']),
  due: z.enum(['eventually', 'currently', 'past-due']),
  errors: z.array(z.string()).readonly(),
})

const accountSchema = z.object({
  peerId: z.string(),
  country: z.string(),
  payable: z.boolean(),
  /** What the platform keeps of what this provider’s consumers pay, basis points: of its contract. */
  feeBps: z.number(),
  onboardingUrl: z.string().nullable(),
  attestation: signedJson.nullable(),
})

const releasedSchema = z.object({
  authorization: z.string(),
  limit: money,
  spent: money,
  released: money,
  closedAt: z.number().nullable(),
})

/** Each of these asks Stripe, which takes 25 requests a second from us; a node asks every few seconds at most. */
const REQUESTS_PER_MINUTE = 300
const config = { rateLimit: { max: REQUESTS_PER_MINUTE, timeWindow: 60_000 } }

/** How a GPU owner's node gets its payout account. The node's signature is its key. */
export function providerRoutes(app: App, context: SettlementContext): void {
  app.post(
    '/v1/providers',
    {
      config: { ...config, access: 'signed' },
      schema: {
        consumes: ['application/cbor'],
        description: 'DAG-CBOR of a signed ProviderBinding: {bytes, signatures}',
        response: {
          200: accountSchema.extend({
            requirements: z.array(requirementSchema).readonly().optional(),
            deadlineMs: z.number().nullable().optional(),
          }),
        },
      },
    },
    async (request) => toJson(await bindProvider(context, signedOf(request.body))),
  )

  app.get(
    '/v1/providers/:peerId',
    {
      config: { ...config, access: 'public' },
      schema: { params: z.object({ peerId }), response: { 200: accountSchema } },
    },
    async (request) => toJson(await providerAccount(context, request.params.peerId)),
  )

  app.post(
    '/v1/providers/self/releases',
    {
      config: { access: 'signed' },
      schema: {
        consumes: ['application/cbor'],
        description:
          'DAG-CBOR of the provider’s signed AuthorizationRelease: {bytes, signatures}. What it will not claim goes back to the consumer at once; told again it changes nothing.',
        response: { 200: releasedSchema },
      },
    },
    async (request) => {
      const row = await releaseByProvider(context, signedOf(request.body))
      const { cid: authorization, limit, spent, released, closedAt } = row
      return { authorization, limit, spent, released, closedAt }
    },
  )
}

/** @throws {SettlementError} HANSE_REQUEST_INVALID, HANSE_MEDIA_TYPE */
function signedOf(body: unknown): SignedRecord {
  const decoded = decodeCanonical(cborBody(body), 2 * RECORD_BYTES_MAX)
  const signed = signedRecordSchema.safeParse(decoded)
  if (!signed.success) throw new SettlementError('HANSE_REQUEST_INVALID', 'no signed record')
  return signed.data
}

function toJson({ attestation, ...account }: ProviderAccount) {
  return { ...account, attestation: attestation && toSignedJson(attestation) }
}
