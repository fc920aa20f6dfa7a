import { isCountryCode } from '@hanse/protocol'
import { z } from 'zod'
import type { StoredEvidence } from '../attestations/evidence.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'
import type { App } from './app.ts'
import { locationOf, locationSchema } from './attestation-routes.ts'
import { peerId } from './schemas.ts'

const security = [{ key: [] }]
const DAY_MS = 86_400_000
/** Extracts of registers are taken for up to two years. */
const DOCUMENT_DAYS_MAX = 730
const DOCUMENT_DAYS = 365
const HISTORY_MAX = 50
/** What goes into an attestation, which anybody may read: a reference, no name. */
const REFERENCE_MAX = 128

const params = z.object({ peerId })
const adminSchema = locationSchema.extend({
  block: z
    .object({ reason: z.string(), at: z.number(), liftedAt: z.number().nullable() })
    .nullable(),
  attestations: z.array(
    z.object({
      cid: z.string(),
      level: z.number(),
      notBefore: z.number(),
      notAfter: z.number(),
      revokedAt: z.number().nullable(),
      reason: z.string().nullable(),
    }),
  ),
})

/** What operators do about where a provider is. */
export function attestationAdminRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  const path = '/v1/admin/attestations/:peerId'
  const config = { access: 'operator' } as const
  const response = { 200: adminSchema }

  app.get(path, { config, schema: { security, params, response } }, async (request) =>
    answer(await provider(request.params.peerId)),
  )

  app.post(
    `${path}/documents`,
    {
      config,
      schema: {
        security,
        params,
        description:
          'A person has checked documents that say where the provider is. The reference is published in attestations: it must name nobody.',
        body: z.strictObject({
          country: z.string().refine(isCountryCode, { error: 'not an ISO 3166-1 alpha-2 code' }),
          reference: z.string().min(1).max(REFERENCE_MAX),
          days: z.int().min(1).max(DOCUMENT_DAYS_MAX).default(DOCUMENT_DAYS),
        }),
        response,
      },
    },
    async ({ params: { peerId: id }, body: { country, reference, days } }) => {
      const row = await provider(id)
      const at = now()
      const found: StoredEvidence = {
        kind: 'operator',
        country,
        outcome: country === row.country ? 'supports' : 'contradicts',
        reference,
        pings: [],
        observedAt: at,
        expiresAt: at + days * DAY_MS,
      }
      await store.recordLocationEvidence(row.peerId, [found], at)
      return answer(row)
    },
  )

  app.post(
    `${path}/revoke`,
    {
      config,
      schema: {
        security,
        params,
        description:
          'Takes back all of a provider’s attestations, and gives it no new ones until `allow`.',
        body: z.strictObject({ reason: z.string().min(1).max(200) }),
        response,
      },
    },
    async ({ params: { peerId: id }, body: { reason } }) => {
      const row = await provider(id)
      await store.blockAttestations(row.peerId, reason, now())
      return answer(row)
    },
  )

  app.post(
    `${path}/allow`,
    { config, schema: { security, params, response } },
    async ({ params: { peerId: id } }) => {
      const row = await provider(id)
      await store.liftAttestationBlock(row.peerId, now())
      return answer(row)
    },
  )

  async function provider(id: string): Promise<ProviderRow> {
    const row = await store.provider(id)
    if (row !== undefined) return row
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${id} has no payout account here`)
  }

  async function answer(row: ProviderRow) {
    const location = await locationOf(context, row)
    const { block } = await store.providerLocation(row.peerId)
    const attestations = await store.attestationsOf(row.peerId, HISTORY_MAX)
    return { ...location, block: block ?? null, attestations }
  }
}
