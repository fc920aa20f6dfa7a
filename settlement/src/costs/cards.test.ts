import { describe, expect, test } from 'vitest'
import type { RateCard } from './card-format.ts'
import { structureOf } from './card-structure.ts'
import { decimal, format } from './decimal.ts'
import { diffCards, isSame } from './diff-cards.ts'
import { parseCard } from './parse-card.ts'
import { priceUsage } from './price-usage.ts'
import { shippedCards } from './shipped-cards.ts'
import { cardText } from './testing/card-text.ts'
import type { Usage } from './usage.ts'

const SOURCE = { source: 'a test', today: '2026-11-02' }
const parsed = (models: object, changes: object = {}): RateCard =>
  parseCard(cardText('elsewhere', models, changes), SOURCE).card

const cost = (
  card: RateCard,
  model: string,
  quantities: Record<string, bigint>,
  changes: Partial<Usage> = {},
) => {
  const structure = structureOf(card, model)
  if (structure === undefined) throw new Error(`no ${model}`)
  const usage = {
    quantities: Object.fromEntries(Object.entries(quantities).map(([k, n]) => [k, decimal(n)])),
    partOf: {},
    promptTokens: decimal(1n),
    batch: false,
    ...changes,
  }
  return format(priceUsage(structure, [usage]).total)
}

describe('a card of ours', () => {
  test('says prices for a million, a thousand or one', () => {
    const card = parsed({
      m: {
        prices: {
          input: '1.25',
          output: { price: '10', per: '1000' },
          request: { price: '0.01', per: '1', free: '2' },
        },
      },
    })
    expect(cost(card, 'm', { input: 3n, output: 1n, request: 3n })).toBe('0.02000375')
  })

  test('keeps the digits of numbers, which no double would', () => {
    const text = cardText('elsewhere', { m: { per: '1', prices: { input: 'N' } } }).replace(
      '"N"',
      '0.00000012345678901234567890123',
    )
    expect(cost(parseCard(text, SOURCE).card, 'm', { input: 1n })).toBe(
      '0.00000012345678901234567890123',
    )
  })

  test('is refused with the name of what is wrong', () => {
    const wrong: [object, string][] = [
      [{ prices: {} }, 'there is no price'],
      [{ prices: { input: '-1' } }, 'models.m.prices.input'],
      [{ prices: { input: '1' }, billedAs: { reasoning: 'output' } }, 'output, which has no price'],
      [{ prices: { input: '1' }, billedAs: { input: 'input' } }, 'input has a price'],
      [{ prices: { input: '1' }, promptTiers: [{ above: '9', prices: { output: '1' } }] }, 'flat'],
      [{ prices: { input: '1' }, batch: { multiplier: '1', prices: { output: '1' } } }, 'no usual'],
      [
        { prices: { input: { mode: 'volume', tiers: [{ upTo: '5', price: '1' }] } } },
        'prices.input',
      ],
      [
        { prices: { input: '1' }, promptTiers: ['9', '9'].map((above) => ({ above, prices: {} })) },
        'ascend',
      ],
      [{ prices: { input: '1' }, surprise: true }, 'surprise'],
    ]
    for (const [model, message] of wrong) {
      expect(() => parsed({ m: model }), message).toThrow(message)
    }
    for (const changes of [
      { currency: 'dollars' },
      { effectiveTo: '2026-09-30' },
      { effectiveFrom: '2026-13-01' },
      { card: 'No Name' },
    ]) {
      expect(() => parsed({}, changes)).toThrow(
        expect.objectContaining({ code: 'HANSE_RATE_CARD_INVALID' }),
      )
    }
    expect(() => parseCard('{', SOURCE)).toThrow('not JSON')
  })
})

describe('LiteLLM’s list', () => {
  const LIST = `{
    "sample_spec": {"input_cost_per_token": 0.1},
    "small": {"litellm_provider": "openai", "mode": "chat", "max_tokens": 8192,
      "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
      "input_cost_per_token_batches": 7.5e-08, "output_cost_per_token_batches": 3e-07,
      "input_cost_per_token_priority": 2.5e-07},
    "long": {"litellm_provider": "openai", "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05,
      "input_cost_per_token_above_200k_tokens": 2.5e-06, "output_cost_per_token_above_200k_tokens": 1.5e-05,
      "input_cost_per_token_batches": 7.5e-08, "output_cost_per_token_batches": 3e-07},
    "exact": {"litellm_provider": "openai", "input_cost_per_token": 0.00000012345678901234567890},
    "free of prices": {"litellm_provider": "openai", "mode": "chat"},
    "claude": {"litellm_provider": "anthropic", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
      "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06}
  }`
  const read = (provider?: string) =>
    parseCard(LIST, { ...SOURCE, card: 'lite', ...(provider !== undefined && { provider }) })

  test('is read exactly, with what is not understood named', () => {
    const { card, leftOut, ignored } = read('openai')
    expect(Object.keys(card.models)).toEqual(['small', 'long', 'exact'])
    expect({ leftOut, ignored }).toEqual({
      leftOut: ['free of prices'],
      ignored: ['input_cost_per_token_priority'],
    })
    expect(card).toMatchObject({ currency: 'USD', effectiveFrom: '2026-11-02', verified: false })
    expect(cost(card, 'exact', { input: 1n })).toBe('0.0000001234567890123456789')
  })

  test('has cached, batch and long prices', () => {
    const { card } = read()
    const partOf = { cached_input: 'input' }
    expect(cost(card, 'small', { input: 10n, cached_input: 10n }, { partOf })).toBe('0.00000075')
    expect(cost(card, 'small', { input: 1n, output: 1n }, { batch: true })).toBe('0.000000375')
    const promptTokens = decimal(200_001n)
    expect(cost(card, 'long', { input: 2n, output: 1n }, { promptTokens })).toBe('0.00002')
    expect(() => cost(card, 'long', { input: 2n }, { batch: true })).toThrow('no batch price')
    expect(cost(card, 'claude', { cache_write_5m: 1n, cache_write_1h: 1n })).toBe('0.00000975')
    expect(() => cost(card, 'small', { cache_write_5m: 1n })).toThrow('no price')
  })

  test('needs a name, and a model with a price', () => {
    expect(() => parseCard(LIST, SOURCE)).toThrow('a name for the card')
    expect(() => read('nobody')).toThrow('no model of it has a price')
  })
})

describe('what a card changes', () => {
  const MODEL = { prices: { input: '2', output: '10' } }
  const diff = (before: object, after: object, changes: object = {}) =>
    diffCards(parsed(before), parsed(after, changes))

  test('is nothing for the same prices, however they are written', () => {
    const same = { m: { per: '1', prices: { input: '0.000002', output: '0.0000100' } } }
    expect(isSame(diff({ m: MODEL }, same))).toBe(true)
  })

  test('is told model by model, in percent', () => {
    const { added, removed, changed, suspicious } = diff(
      { m: MODEL, old: MODEL },
      { m: { prices: { input: '3', output: '10', cached_input: '0.5' } }, new: MODEL },
    )
    expect({ added, removed, suspicious }).toEqual({
      added: ['new'],
      removed: ['old'],
      suspicious: [],
    })
    expect(changed).toEqual([
      { model: 'm', what: 'input', before: '0.000002', after: '0.000003', percent: '50' },
      { model: 'm', what: 'cached_input', before: null, after: '0.0000005', percent: null },
    ])
  })

  test('is suspicious beyond ten times as much or as little, when it is free, or when most of it is gone', () => {
    const to = (input: string) => diff({ m: MODEL }, { m: { prices: { input, output: '10' } } })
    expect(['20', '0.2', '20.1', '0.19', '0'].map((price) => to(price).suspicious.length)).toEqual([
      0, 0, 1, 1, 1,
    ])
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`m${i}`, MODEL]))
    expect(diff(many, { m0: MODEL, m1: MODEL }).suspicious).toEqual(['4 of 6 models are gone'])
    expect(diff({ m: MODEL }, { m: MODEL }, { currency: 'EUR' }).suspicious).toHaveLength(1)
  })

  test('names tiers, allowances, batches and what is billed as what', () => {
    const tiers = [
      { upTo: '100', price: '3' },
      { upTo: null, price: '2' },
    ]
    const { changed } = diff(
      { m: MODEL },
      {
        m: {
          prices: { input: { mode: 'graduated', tiers, free: '5' }, output: '10' },
          billedAs: { reasoning: 'output' },
          batch: { multiplier: '0.5' },
          promptTiers: [{ above: '200000', prices: { output: '12' } }],
          minimum: '1',
        },
      },
    )
    expect(changed.map(({ what }) => what)).toEqual([
      'input',
      'input mode',
      'input tier 1',
      'input tier 1 up to',
      'input tier 2',
      'input free',
      'output prompt above 200000',
      'batch multiplier',
      'reasoning billed as',
      'minimum',
    ])
  })
})

test('every shipped card is valid, says where it is from, and that nobody has checked it', async () => {
  const cards = (await shippedCards()).map(({ name, text }) => ({
    name,
    card: parseCard(text, SOURCE).card,
  }))
  expect(cards.map(({ card }) => card.card)).toEqual([
    'anthropic',
    'azure-openai',
    'bedrock',
    'cohere',
    'google',
    'mistral',
    'openai',
  ])
  for (const { name, card } of cards) {
    expect(name).toBe(`${card.card}.json`)
    expect(card).toMatchObject({ currency: 'USD', verified: false })
    expect(card.note).toContain('from memory')
    for (const model of Object.keys(card.models)) expect(structureOf(card, model)).toBeDefined()
  }
})
