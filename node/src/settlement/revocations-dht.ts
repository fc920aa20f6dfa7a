import type { SigningContext } from '@hanse/protocol'
import { type AttestationRevocations, revocationsKey, type SignedRecord } from '@hanse/protocol'
import type { Network } from '../network/libp2p-node.ts'
import { encodeRevocationsValue, openRevocationsValue } from '../network/revocation-records.ts'

/** A look through the network; with a poll each twenty seconds, a minute is not over. */
const WAIT_MS = 15_000

/** Lists of revoked attestations as nodes keep them for each other: for when their attestor cannot be asked. */
export class RevocationsInDht {
  readonly #network: Pick<Network, 'getValue' | 'putValue'>
  readonly #context: SigningContext

  constructor(network: Pick<Network, 'getValue' | 'putValue'>, context: SigningContext) {
    this.#network = network
    this.#context = context
  }

  /** The newest that was found; never rejects. It may be an old one, and that there is none says nothing. */
  async find(issuer: string, stop: AbortSignal): Promise<AttestationRevocations | undefined> {
    const key = revocationsKey(issuer)
    const signal = AbortSignal.any([stop, AbortSignal.timeout(WAIT_MS)])
    try {
      const value = await this.#network.getValue(key, { signal })
      return value === undefined ? undefined : openRevocationsValue(this.#context, key, value)
    } catch {
      return undefined
    }
  }

  /** Puts a list there unless one that knows as much is there. @returns whether it is there now, as far as was seen */
  async keep(issuer: string, signed: SignedRecord, stop: AbortSignal): Promise<boolean> {
    const key = revocationsKey(issuer)
    const value = encodeRevocationsValue(signed)
    const { since, until } = openRevocationsValue(this.#context, key, value)
    const there = await this.find(issuer, stop)
    if (there !== undefined && there.until >= until && there.since <= since) return true
    const signal = AbortSignal.any([stop, AbortSignal.timeout(WAIT_MS)])
    try {
      return (await this.#network.putValue(key, value, { signal })) > 0
    } catch {
      return false
    }
  }
}
