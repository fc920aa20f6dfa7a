import type { RegionAttestation, SignedRecord } from '@hanse/protocol'
import { siteConfig } from '#lib/site-config.ts'
import type { Circle } from './map.ts'

export type SignedJson = {
  readonly bytes: string
  readonly signatures: readonly {
    readonly signer: string
    readonly role: string
    readonly signature: string
  }[]
}

/** It is asked for a drawing: nobody waits long for that. */
const answerWithinMs = 5_000
/** As an attestation cites at most. */
const pingsMax = 16

/**
 * Where round trips leave a provider, by the measurements that its attestations cite. The settlement that keeps them is not
 * believed: each must be the one that is cited, of this provider, and signed by its landmark.
 */
export async function circlesOf(
  provider: string,
  attestations: readonly RegionAttestation[],
  network: string,
): Promise<Circle[]> {
  const cited = new Set(
    attestations.flatMap(({ evidence }) =>
      evidence.flatMap((one) => (one.kind === 'latency' ? one.pings.map(String) : [])),
    ),
  )
  if (cited.size === 0) return []
  const [protocol, pings] = await Promise.all([import('@hanse/protocol'), readPings(provider)])
  return pings.flatMap((signed) => {
    try {
      if (!cited.has(protocol.cidOf(signed.bytes).toString())) return []
      const { value } = protocol.openSigned(
        { network },
        protocol.landmarkPing,
        signed,
        protocol.landmarkSigners,
      )
      return value.subject === provider ? [protocol.discOf(value)] : []
    } catch {
      return []
    }
  })
}

async function readPings(provider: string): Promise<SignedRecord[]> {
  try {
    const { settlementUrl } = await siteConfig()
    const response = await fetch(`${settlementUrl}/v1/providers/${provider}/pings`, {
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (!response.ok) return []
    const { pings } = (await response.json()) as { pings: readonly SignedJson[] }
    return pings.slice(0, pingsMax).map(toSigned)
  } catch {
    return []
  }
}

/** Whether it verifies is for whoever opens it to say. */
export const toSigned = ({ bytes, signatures }: SignedJson): SignedRecord =>
  ({
    bytes: fromBase64(bytes),
    signatures: signatures.map((one) => ({ ...one, signature: fromBase64(one.signature) })),
  }) as unknown as SignedRecord

const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
