import {
  acceptance,
  cidOf,
  type Determinism,
  findModel,
  offer,
  order,
  type PeerId,
  receipt,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import type { ConsumerStore } from '../store.ts'

/** A whole answer, and what its records say of how it was made. */
export interface Answered {
  readonly provider: PeerId
  readonly model: string
  /** Of the weights, as the offer has it. */
  readonly digest: string
  readonly determinism: Determinism | null
  readonly order: CID
  /** The final one. */
  readonly receipt: CID
  readonly text: string
}

/** @returns `undefined` for an answer that is not whole, or of weights that nobody can name */
export function answeredOf(
  store: Pick<ConsumerStore, 'evidence'>,
  network: string,
  session: string,
  text: string,
): Answered | undefined {
  const evidence = store.evidence(session, network)
  const last = evidence?.receipts.at(-1)
  if (evidence === undefined || last === undefined) return undefined
  const { provider, model } = order.decode(evidence.order.bytes)
  const digest = findModel(offer.decode(evidence.offer.bytes), model)?.digest ?? undefined
  const { final } = receipt.decode(last.bytes)
  if (digest === undefined || (final !== 'completed' && final !== 'length')) return undefined
  return {
    provider,
    model,
    digest,
    determinism: acceptance.decode(evidence.acceptance.bytes).determinism,
    order: cidOf(evidence.order.bytes),
    receipt: cidOf(last.bytes),
    text,
  }
}

/** Whether both said that their bytes would be the same. */
export function samePromise(one: Answered, other: Answered): boolean {
  const [a, b] = [one.determinism, other.determinism]
  return (
    a !== null && b !== null && a.engine === b.engine && a.digest === b.digest && a.seed === b.seed
  )
}
