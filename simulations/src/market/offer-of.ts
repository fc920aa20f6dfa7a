import { type Offer, type Prices, picoEuro } from '@hanse/protocol'
import { MODEL } from './classes.ts'
import type { ProviderPlan } from './plan.ts'

const OUTPUT_TOKENS_MAX = 4_096

/** What consumers are shown of a provider. */
export function offerOf(
  { name, country, facts }: ProviderPlan,
  now: {
    readonly prices: Prices
    readonly freeSlots: number
    readonly tokensPerSecond: number | null
    readonly issuedAt: number
  },
): Offer {
  const { prices, freeSlots, tokensPerSecond: speed, issuedAt } = now
  return {
    provider: name as Offer['provider'],
    sequence: 1n,
    issuedAt,
    notAfter: Number.MAX_SAFE_INTEGER,
    addresses: [],
    country,
    attestations: [],
    gpus: [],
    models: [
      {
        id: MODEL,
        aliases: [],
        digest: 'sha256:70b',
        quantization: 'Q4_K_M',
        contextLength: 32_768,
        capabilities: ['chat'],
        ...prices,
        maxOutputTokens: OUTPUT_TOKENS_MAX,
        slots: facts.slots,
        freeSlots,
        tokensPerSecond: speed === null ? null : Math.max(1, Math.round(speed)),
      },
    ],
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(0n),
    protocolVersions: ['1'],
  }
}
