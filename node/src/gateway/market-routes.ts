import { cidOf, exportBundle, HanseError, type MatchedOffer, receipt } from '@hanse/protocol'
import type { FastifyInstance } from 'fastify'
import type { Consumer } from '../consumer/consumer.ts'
import type { FetchedOffer } from '../consumer/offer-directory.ts'
import type { SettlementProofs } from '../settlement/settlement-proofs.ts'
import type { NodeStore } from '../store/node-store.ts'
import { refuseOtherOrigins } from './same-origin.ts'

export interface MarketRoutesOptions {
  readonly consumer: Consumer
  readonly store: NodeStore
  readonly networkName: string
  readonly policy: { readonly allow: readonly string[]; readonly minLevel: number }
  /** Where proofs of settlement come from, when there is a settlement. */
  readonly proofs?: Pick<SettlementProofs, 'of'> | undefined
  readonly now: () => number
}

/** Offers, how providers stand, and what became of past sessions. */
export function registerMarket(app: FastifyInstance, options: MarketRoutesOptions): void {
  const { consumer, store, networkName, policy, now } = options

  app.get('/hanse/v1/offers', async () => {
    const { candidates, excluded } = await consumer.match()
    return {
      network: networkName,
      at: now(),
      policy,
      candidates: candidates.map(offerRow),
      excluded: excluded.map((entry) => ({ ...offerRow(entry), reasons: entry.reasons })),
    }
  })

  // Whom this node uses, and how it fared with them, is its owner's to know.
  app.get<{ Querystring: { model?: string } }>(
    '/hanse/v1/providers',
    { preHandler: refuseOtherOrigins },
    async ({ query }) => ({
      network: networkName,
      at: now(),
      providers: await consumer.providers(modelOf(query.model)),
    }),
  )

  app.get<{ Querystring: { limit?: string } }>('/hanse/v1/sessions', async ({ query }) => ({
    sessions: store.sessions(limitOf(query.limit)).map(toJson),
  }))

  app.get<{ Params: { session: string } }>('/hanse/v1/sessions/:session', async ({ params }) => {
    const session = store.session(params.session)
    if (session === undefined) throw new HanseError('HANSE_NOT_FOUND', 'no such session')
    const receipts = store.receipts(params.session).map(({ bytes, signatures }) => {
      const { sequence, inputTokens, outputTokens, amount, final } = receipt.decode(bytes)
      return toJson({
        cid: cidOf(bytes).toString(),
        sequence,
        inputTokens,
        outputTokens,
        amount,
        final,
        signers: signatures.map((s) => s.role),
      })
    })
    const settled = !store.outbox().some((entry) => entry.session === params.session)
    return { ...toJson(session), settled, receipts }
  })

  // Whoever has this can prove what was asked and answered, so pages of other origins do not get it.
  app.get<{ Params: { session: string } }>(
    '/hanse/v1/openings/:session',
    { preHandler: refuseOtherOrigins },
    async ({ params }) => {
      const opening = store.opening(params.session)
      if (opening === undefined)
        throw new HanseError('HANSE_NOT_FOUND', 'no such session, or its opening was destroyed')
      return {
        session: params.session,
        secret: Buffer.from(opening.secret).toString('base64'),
        request:
          opening.request === undefined ? null : Buffer.from(opening.request).toString('base64'),
      }
    },
  )

  app.get<{ Params: { session: string }; Querystring: { since?: string } }>(
    '/hanse/v1/bundles/:session',
    async ({ params, query }, reply) => {
      const evidence = store.evidence(params.session, networkName)
      if (evidence === undefined)
        throw new HanseError('HANSE_NOT_FOUND', 'no such session, or it has no receipt yet')
      const settlement = await options.proofs?.of(params.session, sizeOf(query.since))
      return await reply
        .type('application/vnd.ipld.car; version=1')
        .header('content-disposition', `attachment; filename="${params.session}.car"`)
        .send(Buffer.from(exportBundle({ ...evidence, ...(settlement && { settlement }) })))
    },
  )
}

/** @throws {HanseError} HANSE_REQUEST_INVALID */
function modelOf(name: string | undefined): string | undefined {
  if (name === undefined || typeof name === 'string') return name
  throw new HanseError('HANSE_REQUEST_INVALID', 'model: once at most')
}

/** About as much as a reader can still take in one answer: 30 MB. */
const SESSIONS_MAX = 100_000

/** The store's own when it is not given. @throws {HanseError} HANSE_REQUEST_INVALID */
function limitOf(given: string | undefined): { limit?: number } {
  if (given === undefined) return {}
  const limit = /^\d{1,6}$/u.test(given) ? Number(given) : 0
  if (limit >= 1 && limit <= SESSIONS_MAX) return { limit }
  throw new HanseError('HANSE_REQUEST_INVALID', `limit: a whole number from 1 to ${SESSIONS_MAX}`)
}

/** The size of a checkpoint, decimal digits. @throws {HanseError} HANSE_REQUEST_INVALID */
function sizeOf(since: string | undefined): bigint | undefined {
  if (since === undefined) return undefined
  if (!/^\d{1,18}$/u.test(since))
    throw new HanseError('HANSE_REQUEST_INVALID', 'since: the size of a checkpoint')
  return BigInt(since)
}

function offerRow({
  known,
  model,
  evidenceLevel,
}: MatchedOffer<FetchedOffer>): Record<string, unknown> {
  const { provider, country, addresses, notAfter } = known.offer
  return {
    provider,
    model: model.id,
    country,
    evidenceLevel,
    inputPrice: model.inputPrice.toString(),
    outputPrice: model.outputPrice.toString(),
    contextLength: model.contextLength,
    slots: model.slots,
    freeSlots: model.freeSlots,
    tokensPerSecond: model.tokensPerSecond,
    quantization: model.quantization,
    addresses,
    notAfter,
    seenAt: known.fetchedAt,
  }
}

/** Amounts and counters as decimal strings: JSON numbers would round them. */
function toJson(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      typeof field === 'bigint' ? field.toString() : field,
    ]),
  )
}
