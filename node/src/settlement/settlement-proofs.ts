import {
  cidOf,
  type HanseError,
  type SessionEvidence,
  type SigningContext,
  verifySettlementProof,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { CID } from 'multiformats/cid'
import type { NodeStore } from '../store/node-store.ts'
import type { SettlementClient } from './settlement-client.ts'

export interface SettlementProofsOptions {
  readonly context: SigningContext
  readonly store: NodeStore
  readonly settlement: Pick<SettlementClient, 'settlementProof'>
  readonly log: FastifyBaseLogger
}

/** Fetches what proves that sessions were settled, when somebody asks for it, and keeps it with the session. */
export class SettlementProofs {
  readonly #options: SettlementProofsOptions

  constructor(options: SettlementProofsOptions) {
    this.#options = options
  }

  /**
   * The proof for a session, or `undefined` while there is none; never rejects, for a bundle is good without it.
   *
   * @param since size of a checkpoint that the proof is to lead from
   */
  async of(session: string, since?: bigint): Promise<SessionEvidence['settlement']> {
    const { store, settlement, log } = this.#options
    const kept = since === undefined ? store.settlementProof(session) : undefined
    if (kept !== undefined || !isTold(store, session)) return kept
    try {
      const found = await settlement.settlementProof(session, since)
      if (found === undefined || !this.#isTrue(session, found)) return undefined
      store.putSettlementProof(session, found)
      return found
    } catch (error) {
      log.info({ session, code: (error as HanseError).code }, 'no proof of settlement yet')
      return undefined
    }
  }

  /** A settlement that proves something else is not repeated. */
  #isTrue(session: string, { key, proof }: NonNullable<SessionEvidence['settlement']>): boolean {
    const { context, store, log } = this.#options
    const last = store.receipts(session).at(-1)
    if (last === undefined) return false
    try {
      const proved = { order: CID.parse(session), receipt: cidOf(last.bytes) }
      verifySettlementProof(proof, proved, { network: context.network, key })
      return true
    } catch (error) {
      const { code, message } = error as HanseError
      log.warn({ session, code }, `settlement's proof does not hold: ${message}`)
      return false
    }
  }
}

/** Settlement has acknowledged it; before, there is nothing to ask for. */
function isTold(store: NodeStore, session: string): boolean {
  return !store.outbox().some((entry) => entry.session === session)
}
