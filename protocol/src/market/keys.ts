import { CID } from 'multiformats/cid'
import { code as raw } from 'multiformats/codecs/raw'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from '#crypto'
import { regionsOf } from '../region/countries.ts'
import { utf8 } from '../wire.ts'
import type { Offer } from './offer.ts'

/** Where providers of a model in a region are listed in the DHT. */
export function modelKey(model: string, region: string): CID {
  return keyOf(`hanse/v1/model/${model}/${region}`)
}

/** Where all providers of a region are listed; `*` is everywhere. */
export function browseKey(region: string): CID {
  return keyOf(`hanse/v1/any/${region}`)
}

/** Every key under which an offer is to be found. */
export function keysOf(offer: Offer): CID[] {
  const regions = regionsOf(offer.country)
  const names = offer.models.flatMap((model) => [model.id, ...model.aliases])
  return regions.flatMap((region) => [
    browseKey(region),
    ...names.map((name) => modelKey(name, region)),
  ])
}

/** The DHT's value key that holds a provider's newest signed offer. */
export function offerKey(provider: string): Uint8Array {
  return utf8(`/hanse/${provider}`)
}

function keyOf(name: string): CID {
  return CID.createV1(raw, Digest.create(0x12, sha256(utf8(name))))
}
