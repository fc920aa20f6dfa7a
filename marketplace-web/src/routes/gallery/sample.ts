import { type PicoEuro, picoEuro } from '#lib/money.ts'

export type Row = {
  readonly session: string
  readonly model: string
  readonly at: number
  readonly tokens: number
  readonly amount: PicoEuro
  readonly state: 'settled' | 'waits' | 'refused'
}

const models = ['hanse/tiny-v1:f16', 'qwen3-32b:q4', 'mistral-small:q8'] as const

/** Made-up receipts, the same each time. */
export function sampleRows(count: number): Row[] {
  let seed = 1
  // A linear congruential generator (Numerical Recipes): made up, and the same in every browser.
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed % below
  }
  return Array.from({ length: count }, (_, i) => {
    const tokens = 20 + random(4_000)
    return {
      session: `bafyrei${random(2 ** 31)
        .toString(36)
        .padStart(7, '0')}${i.toString(36)}`,
      model: models[random(models.length)] ?? models[0],
      at: Date.UTC(2026, 10, 21) - i * 97_000,
      tokens,
      amount: picoEuro(BigInt(tokens) * 260_000n),
      state: i % 211 === 0 ? 'refused' : i < 12 ? 'waits' : 'settled',
    }
  })
}
