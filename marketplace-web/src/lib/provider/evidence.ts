import type { Circle } from '#lib/market/map.ts'
import { toSigned } from '#lib/market/round-trips.ts'
import type { Location } from './nodes.svelte.ts'

/** What an attestation says, and where the round trips leave a node that evidence rests on. */
export type Shown = {
  readonly level: number | undefined
  readonly until: number | undefined
  readonly circles: readonly Circle[]
}

/** Reads what settlement has kept. It was signed by others: what does not open is not drawn. */
export async function readEvidence({ attestation, evidence }: Location): Promise<Shown> {
  const protocol = await import('@hanse/protocol')
  const circles = evidence.flatMap(({ pings }) =>
    pings.flatMap((signed) => {
      try {
        return [protocol.discOf(protocol.landmarkPing.decode(toSigned(signed).bytes))]
      } catch {
        return []
      }
    }),
  )
  if (attestation === null) return { level: undefined, until: undefined, circles }
  const { level, notAfter } = protocol.regionAttestation.decode(toSigned(attestation).bytes)
  return { level, until: notAfter, circles }
}
