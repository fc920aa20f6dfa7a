import type { Named } from '../record/record.ts'
import type { Order } from './records.ts'

/** What an engine would choose itself, decided by the order, so that its bytes can be had again. */
export interface FixedChoices {
  /** `id` of every chunk: the session. */
  readonly id: string
  /** `created` of every chunk, seconds since 1970: when it was ordered. */
  readonly created: number
  /** `model` of every chunk: as it was ordered. */
  readonly model: string
  /** For a request that names none. */
  readonly seed: number
}

/** The choices that an order makes for the engine. Neither side can try seeds: the nonce is signed before the provider sees it. */
export function fixedChoices({ cid, value }: Named<Order>): FixedChoices {
  const { buffer, byteOffset } = value.nonce
  return {
    id: cid.toString(),
    created: Math.floor(value.issuedAt / 1000),
    model: value.model,
    seed: new DataView(buffer, byteOffset).getUint32(0),
  }
}

/** The seed of a request: its own `seed`, of which samplers keep 32 bits, else what the order decides. */
export function seedOf(request: Uint8Array, fixed: FixedChoices): number {
  try {
    const { seed } = JSON.parse(new TextDecoder().decode(request)) as { seed?: unknown }
    return Number.isSafeInteger(seed)
      ? Number(BigInt.asUintN(32, BigInt(seed as number)))
      : fixed.seed
  } catch {
    return fixed.seed
  }
}
