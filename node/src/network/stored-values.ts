import type { SigningContext } from '@hanse/protocol'
import { openOfferValue, selectNewestOffer } from './offer-records.ts'
import { openRevocationsValue, selectNewestRevocations } from './revocation-records.ts'

/** What nodes keep for others in the DHT: offers, and lists of revoked attestations. Each under the key of who signed it. */
export function storedValues(context: SigningContext, now: () => number) {
  return {
    /** @throws {HanseError} so that the DHT refuses the value */
    validateRecord: async (key: Uint8Array, value: Uint8Array): Promise<void> => {
      if (isRevocations(key)) openRevocationsValue(context, key, value)
      else openOfferValue(context, key, value, now())
      await Promise.resolve()
    },
    /** Index of the newest. */
    selectRecord: (key: Uint8Array, values: readonly Uint8Array[]): number =>
      isRevocations(key) ? selectNewestRevocations(values) : selectNewestOffer(values),
  }
}

const isRevocations = (key: Uint8Array): boolean =>
  new TextDecoder().decode(key.subarray(0, PREFIX.length)) === PREFIX

const PREFIX = '/hanse/revoked/'
