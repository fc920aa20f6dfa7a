import type { MatchedOffer, Offer, OfferedModel } from '@hanse/protocol'
import { picoEuro } from '@hanse/protocol'
import type { Routable, Routed } from '../index.ts'

export const MODEL = 'test/model'
export const NOW = 1_793_577_600_000

/** A candidate that somebody named so offers. */
export function candidate(
  name: string,
  changes: Partial<OfferedModel> = {},
  { fetchedAt = NOW, evidenceLevel = 3 } = {},
): MatchedOffer<Routable> {
  const model: OfferedModel = {
    id: MODEL,
    aliases: [],
    digest: null,
    quantization: null,
    contextLength: 32_768,
    capabilities: ['chat'],
    inputPrice: picoEuro(100_000n),
    outputPrice: picoEuro(200_000n),
    maxOutputTokens: 4_096,
    slots: 4,
    freeSlots: 4,
    tokensPerSecond: 40,
    ...changes,
  }
  const offer: Offer = {
    provider: name as Offer['provider'],
    sequence: 1n,
    issuedAt: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
    addresses: [],
    country: 'DE',
    attestations: [],
    gpus: [],
    models: [model],
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(0n),
    protocolVersions: ['1'],
  }
  return { known: { offer, attestations: [], fetchedAt }, model, evidenceLevel }
}

/** A request as most are. */
export function routed(changes: Partial<Routed> = {}): Routed {
  return {
    traits: { kind: 'chat', inputTokens: 500, features: [], beginning: undefined },
    maxOutputTokens: 200,
    policy: {},
    continues: false,
    ...changes,
  }
}

export const nameOf = ({ known }: MatchedOffer<Routable>): string => known.offer.provider
