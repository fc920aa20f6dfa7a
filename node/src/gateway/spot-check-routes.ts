import { DIVERGENCE_MAX, HanseError } from '@hanse/protocol'
import type { FastifyInstance } from 'fastify'
import type { NodeStore } from '../store/node-store.ts'
import type { SpotCheckRow } from '../store/spot-check-store.ts'
import { refuseOtherOrigins } from './same-origin.ts'

/** Rows of one answer, and how many unless it says otherwise. */
const ROWS_MAX = 1_000
const ROWS_USUAL = 100

/** What this node found out about providers by asking twice: for its owner alone, for it holds what they answered. */
export function registerSpotChecks(
  app: FastifyInstance,
  store: Pick<NodeStore, 'spotChecks'>,
): void {
  app.get<{ Querystring: { limit?: string } }>(
    '/hanse/v1/spot-checks',
    { preHandler: refuseOtherOrigins },
    async ({ query }) => ({
      data: store.spotChecks.list(limitOf(query.limit)).map(jsonOfSpotCheck),
    }),
  )
}

/** @throws {HanseError} HANSE_REQUEST_INVALID */
function limitOf(given: string | undefined): number {
  if (given === undefined) return ROWS_USUAL
  const limit = /^\d{1,4}$/u.test(given) ? Number(given) : 0
  if (limit >= 1 && limit <= ROWS_MAX) return limit
  throw new HanseError('HANSE_REQUEST_INVALID', `limit: 1 to ${ROWS_MAX}`)
}

/** As programs read it. */
export function jsonOfSpotCheck({
  cid,
  check,
  signed,
  differ,
  texts,
}: SpotCheckRow): Record<string, unknown> {
  const { first, second } = check
  return {
    cid,
    at: check.at,
    model: check.model,
    digest: check.digest,
    /** Both sides had promised the same bytes. */
    promised: check.promised,
    /** 0 for the same text, up to 1. */
    divergence: check.divergence / DIVERGENCE_MAX,
    differ,
    bytes: Number(check.bytes),
    agreed_bytes: Number(check.agreed),
    answers: [first, second].map(({ provider, order, receipt }, i) => ({
      provider,
      session: order.toString(),
      receipt: receipt.toString(),
      text: texts?.[i] ?? null,
    })),
    /** The evidence as this node signed it: canonical CBOR, and who signed. */
    record: Buffer.from(signed.bytes).toString('base64'),
    signatures: signed.signatures.map(({ signer, role, signature }) => ({
      signer,
      role,
      signature: Buffer.from(signature).toString('base64'),
    })),
  }
}
