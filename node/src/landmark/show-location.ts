import type { SignedRecord } from '@hanse/protocol'
import type {
  LocationChallenge,
  ProviderLocation,
  PublishedLandmark,
} from '../settlement/provider-api.ts'

export interface ShowLocationOptions {
  readonly api: {
    locationChallenge(): Promise<LocationChallenge>
    showLocation(nonce: Uint8Array, pings: readonly SignedRecord[]): Promise<ProviderLocation>
  }
  /** Has this node measured; see `askLandmark`. */
  readonly ask: (
    landmark: PublishedLandmark,
    nonce: Uint8Array,
  ) => Promise<SignedRecord & { readonly value: { readonly roundTripUs: number } }>
  /** A landmark was asked, or could not be. @param roundTripUs `undefined` with why */
  readonly onMeasured?: (
    landmark: PublishedLandmark,
    roundTripUs: number | undefined,
    why?: string,
  ) => void
}

/** As many as an attestation cites. */
const PINGS_MAX = 16

/** Has this node measured by the landmarks that settlement believes, the nearest of which count, and shows it all. */
export async function showLocation({
  api,
  ask,
  onMeasured,
}: ShowLocationOptions): Promise<ProviderLocation> {
  const { nonce, landmarks } = await api.locationChallenge()
  const pings: Awaited<ReturnType<typeof ask>>[] = []
  // One after the other: measurements that share a line lengthen each other.
  for (const landmark of landmarks) {
    try {
      const ping = await ask(landmark, nonce)
      pings.push(ping)
      onMeasured?.(landmark, ping.value.roundTripUs)
    } catch (error) {
      onMeasured?.(landmark, undefined, error instanceof Error ? error.message : String(error))
    }
  }
  const nearest = pings.toSorted((a, b) => a.value.roundTripUs - b.value.roundTripUs)
  return await api.showLocation(nonce, nearest.slice(0, PINGS_MAX))
}
