import { type SignedRecord, signedRecordSchema } from '@hanse/protocol'
import { z } from 'zod'
import { type Attested, attest, LIST_MS, revokedAttestationsSince } from '../attestations/attest.ts'
import { EVIDENCE_KINDS, OUTCOMES, PINGS_MAX } from '../attestations/evidence.ts'
import { giveChallenge, takeEvidence } from '../attestations/take-evidence.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'
import type { App } from './app.ts'
import { providerOf } from './provider-auth.ts'
import { ownerWay } from './provider-ways.ts'
import { takeRawJson } from './raw-json.ts'
import { counterCursor, peerId, signedJson, toSignedJson } from './schemas.ts'

/** Sixteen measurements with their signatures in base64. */
const BODY_BYTES_MAX = 32 * 1024
/** A node asks weekly; each submission is a dozen signatures and a look at the map. */
const REQUESTS_PER_MINUTE = 60
const rateLimit = { max: REQUESTS_PER_MINUTE, timeWindow: 60_000 }
/** A page asks once for each provider that somebody looks at. */
const publicRateLimit = { max: 300, timeWindow: 60_000 }

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
const submission = z.strictObject({
  nonce: base64.optional(),
  pings: z
    .array(
      z
        .strictObject({
          bytes: base64,
          signatures: z.array(
            z.strictObject({ signer: z.string(), role: z.string(), signature: base64 }),
          ),
        })
        .transform((signed, ctx): SignedRecord => {
          const parsed = signedRecordSchema.safeParse(signed)
          if (parsed.success) return parsed.data
          ctx.addIssue({ code: 'custom', message: 'not a signed record' })
          return z.NEVER
        }),
    )
    .max(PINGS_MAX)
    .default([]),
})

export const locationSchema = z.object({
  provider: z.string(),
  country: z.string(),
  attestation: signedJson.nullable(),
  refusal: z.object({ reason: z.string(), detail: z.string().nullable() }).nullable(),
  evidence: z.array(
    z.object({
      kind: z.enum(EVIDENCE_KINDS),
      country: z.string(),
      outcome: z.enum(OUTCOMES),
      reference: z.string(),
      pings: z.array(signedJson),
      observedAt: z.number(),
      expiresAt: z.number(),
    }),
  ),
})

/** Evidence of where a provider is: what it shows, what is made of it, and what is taken back. */
export function attestationRoutes(app: App, context: SettlementContext): void {
  const { store } = context

  app.get(
    '/v1/attestations/revoked',
    {
      config: { access: 'public' },
      schema: {
        description:
          'Attestations that prove nothing any more although they have not expired, signed; `since` is the `until` of the list before.',
        querystring: z.strictObject({ since: counterCursor.default(0n) }),
        response: { 200: z.object({ list: signedJson, more: z.boolean() }) },
      },
    },
    async (request, reply) => {
      const { list, more } = await revokedAttestationsSince(context, request.query.since)
      reply.header('cache-control', `public, max-age=${LIST_MS / 1000}`)
      return { list: toSignedJson(list), more }
    },
  )

  app.get(
    '/v1/providers/:peerId/pings',
    {
      config: { access: 'public', rateLimit: publicRateLimit },
      schema: {
        description:
          'The measurements by landmarks that a provider’s attestation cites, so that whoever reads it can check them; none where it rests on others.',
        params: z.object({ peerId }),
        response: { 200: z.object({ pings: z.array(signedJson) }) },
      },
    },
    async (request) => {
      const row = await boundProvider(request.params.peerId)
      const { evidence } = await store.providerLocation(row.peerId)
      const cited = evidence.filter(({ outcome }) => outcome === 'supports')
      return { pings: cited.flatMap(({ pings }) => pings.map(toSignedJson)) }
    },
  )

  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)

    routes.post(
      '/v1/attestations/challenges',
      {
        config: { access: 'signed', rateLimit },
        schema: {
          description:
            'Where landmarks are, and the nonce that their measurements of this node must carry; the last one given counts, once.',
          response: {
            200: z.object({
              nonce: z.string(),
              expiresAt: z.number(),
              landmarks: z.array(
                z.object({
                  peerId: z.string(),
                  latitude: z.number(),
                  longitude: z.number(),
                  address: z.string(),
                }),
              ),
            }),
          },
        },
      },
      async (request) => {
        const row = unrestricted(await boundProvider(providerOf(request, context)))
        const { nonce, expiresAt } = await giveChallenge(context, row.peerId)
        const landmarks = [...(context.landmarks ?? [])]
        return { nonce: Buffer.from(nonce).toString('base64'), expiresAt, landmarks }
      },
    )

    routes.post(
      '/v1/attestations',
      {
        config: { access: 'signed', rateLimit },
        schema: {
          description:
            'Takes the address that the request comes from and signed measurements {nonce, pings} as evidence, and answers with what is attested now. Send {} for the address alone.',
          response: { 200: locationSchema },
        },
      },
      async (request) => {
        const row = unrestricted(await boundProvider(providerOf(request, context)))
        const given = submission.safeParse(jsonOf(request.body))
        if (!given.success) {
          const [issue] = given.error.issues
          const where = issue?.path.join('.') ?? ''
          throw new SettlementError('HANSE_REQUEST_INVALID', `${where} ${issue?.message ?? ''}`)
        }
        const { nonce, pings } = given.data
        await takeEvidence(context, row, { address: request.ip, nonce, pings })
        return locationOf(context, row)
      },
    )

    routes.get(
      '/v1/attestations/self',
      { config: { access: 'signed' }, schema: { response: { 200: locationSchema } } },
      async (request) => {
        const row = await boundProvider(providerOf(request, context))
        return locationOf(context, row)
      },
    )
  })

  const { prefix, config, params, reader } = ownerWay(context)
  app.get(
    `${prefix}/attestations`,
    { config: { ...config, rateLimit }, schema: { params, response: { 200: locationSchema } } },
    async (request) => locationOf(context, await boundProvider(await reader(request))),
  )

  async function boundProvider(peerId: string): Promise<ProviderRow> {
    const row = await store.provider(peerId)
    if (row !== undefined) return row
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${peerId} has no payout account here`)
  }
}

/** @throws {SettlementError} HANSE_PROCESSING_RESTRICTED, for new evidence of who has had theirs restricted */
function unrestricted(row: ProviderRow): ProviderRow {
  if (!row.isRestricted) return row
  throw new SettlementError(
    'HANSE_PROCESSING_RESTRICTED',
    'this provider had the processing of its data restricted (GDPR, Article 18)',
  )
}

/** All that is known of where a provider is, and what follows. */
export async function locationOf(context: SettlementContext, row: ProviderRow) {
  const attested = await attest(context, row)
  const { evidence } = await context.store.providerLocation(row.peerId)
  return {
    provider: row.peerId,
    country: row.country,
    attestation: 'attestation' in attested ? toSignedJson(attested.attestation) : null,
    refusal: refusalOf(attested),
    evidence: evidence.map(({ pings, ...one }) => ({ ...one, pings: pings.map(toSignedJson) })),
  }
}

function refusalOf(attested: Attested) {
  if (!('refusal' in attested)) return null
  const { refusal } = attested
  const detail =
    refusal.reason === 'blocked'
      ? refusal.why
      : refusal.reason === 'contradicted'
        ? refusal.by
        : null
  return { reason: refusal.reason, detail }
}

function jsonOf(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'not JSON')
  }
}
