import {
  browseKey,
  encodeCanonical,
  keysOf,
  modelKey,
  offerKey,
  signedFields,
} from '@hanse/protocol'
import { MODEL, makeAttestation, makeOffer, provider, toHex } from '@hanse/protocol/testing'
import { tagged } from './json.ts'

export function discoveryFile() {
  const offer = makeOffer()
  const answer = { offer: signedFields(offer), attestations: [signedFields(makeAttestation())] }
  return {
    about:
      'Where offers are found in the DHT: CIDv1, raw, sha2-256 of `text`. `listed` are all keys of one offer, in any ' +
      'order; `value` is the key that holds a provider’s newest offer; `answer` is the frame of /hanse/offer/1.0.0.',
    models: [MODEL, 'test-model', 'a/b'].flatMap((name) =>
      ['DE', 'EU', 'EEA', '*'].map((region) => ({
        text: `hanse/v1/model/${name}/${region}`,
        cid: modelKey(name, region).toString(),
      })),
    ),
    regions: ['DE', 'IS', 'EU', 'EEA', '*'].map((region) => ({
      text: `hanse/v1/any/${region}`,
      cid: browseKey(region).toString(),
    })),
    listed: {
      offer: toHex(offer.bytes),
      keys: keysOf(offer.value)
        .map((key) => key.toString())
        .toSorted(),
    },
    value: { peer: provider.peerId, key: toHex(offerKey(provider.peerId)) },
    answer: { fields: tagged(answer), bytes: toHex(encodeCanonical(answer)) },
  }
}
