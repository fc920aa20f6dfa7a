import { picoEuro } from '@hanse/protocol'
import type { PaperProvider } from './paper-market.ts'

const COUNTRIES = ['DE', 'FR', 'NL', 'FI', 'PL', 'ES', 'US', 'CH'] as const
export const POPULAR = 'meta/llama-3.3-70b:q4'
const MODELS = [
  POPULAR,
  'mistral/small-3.2:q8',
  'qwen/qwen3-32b:q4',
  'google/gemma-3-27b:q6',
  'hanse/tiny-v1:f16',
] as const

/** A handful of providers as they might be, and one whose offer somebody else signed. */
export function someProviders(): PaperProvider[] {
  const plans = COUNTRIES.map(
    (country, at): PaperProvider => ({
      country,
      ...(at % 4 !== 3 && {
        evidence: [
          { kind: 'geoip', dataset: 'geo-whois-asn-country 2026-11', country },
          ...(at % 2 === 0
            ? ([{ kind: 'payout-account', account: `acct_${at}`, country }] as const)
            : []),
        ],
      }),
      // Frankfurt and Amsterdam have measured the first.
      ...(at === 0 && {
        roundTrips: [
          { latitude: 50.11, longitude: 8.68, ms: 2 },
          { latitude: 52.37, longitude: 4.9, ms: 5 },
        ],
      }),
      models: MODELS.slice(0, 1 + ((at * 2) % MODELS.length)).map((id, which) => ({
        id,
        inputPrice: picoEuro(BigInt(120_000 + at * 17_500 + which * 31_000)),
        outputPrice: picoEuro(BigInt(350_000 + at * 61_250 - which * 45_000)),
        contextLength: 8_192 << (which % 3),
        slots: 2 + (at % 3) * 2,
        freeSlots: at % 4,
        tokensPerSecond: at === 5 ? null : 24 + at * 9 + which,
      })),
    }),
  )
  return [...plans, { country: 'IT', models: [{ id: 'forged/offer:q4' }], isForged: true }]
}

/** 512 offers of 16 providers. */
export function manyProviders(): PaperProvider[] {
  return Array.from({ length: 16 }, (_, provider) => ({
    country: COUNTRIES[provider % COUNTRIES.length] ?? 'DE',
    models: Array.from({ length: 32 }, (_, model) => ({
      id: `m/${model}`,
      quantization: null,
      capabilities: [],
      outputPrice: picoEuro(BigInt(200_000 + model * 1_000 + provider * 10)),
      tokensPerSecond: 10 + ((model * 7 + provider) % 90),
      freeSlots: (model + provider) % 3,
    })),
  }))
}
