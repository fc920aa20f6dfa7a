import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addTenant, NOW, type TestContext, testContext } from '../testing/market.ts'
import { seedUsage } from '../usage/testing/seed-usage.ts'
import { add, type Decimal, decimal, format, multiply, sum, ZERO } from './decimal.ts'
import { importCard } from './import-card.ts'
import { cardText, flatModel } from './testing/card-text.ts'
import { type WhatIf, whatIf } from './what-if.ts'

const DAY_MS = 86_400_000
/** Beginning in October, so that a month ends within. */
const FROM = NOW - 4 * DAY_MS
const TO = NOW + DAY_MS
const SESSIONS = 1_500
const MODELS = Array.from({ length: 12 }, (_, i) => `model_${i}`)

let store: PGliteStore
let context: TestContext
let organization: string
let stranger: string
beforeAll(async () => {
  store = await openTestStore()
  context = testContext(store)
  organization = (await addTenant(context, 0n)).organization
  stranger = (await addTenant(context, 0n)).organization
  for (const one of [organization, stranger]) {
    await seedUsage(store, { rows: SESSIONS, organization: one, from: FROM, to: TO })
  }
}, 120_000)
afterAll(() => store.close())

const newName = () => `card-${randomUUID()}`
async function publish(
  card: string,
  models: object,
  changes: object = {},
  owner: string | null = null,
) {
  const text = cardText(card, models, changes)
  const request = { owner, text, source: 'a test', actor: 'test', accept: true }
  return importCard(context, request)
}
const same = (entry: object) => Object.fromEntries(MODELS.map((model) => [model, entry]))
const asked = (card: string, changes: Partial<WhatIf> = {}): WhatIf => ({
  organization,
  from: FROM,
  to: TO,
  card,
  models: {},
  leaveOut: false,
  rates: [],
  batch: false,
  ...changes,
})

interface Session {
  readonly day: string
  readonly model: string
  readonly input: bigint
  readonly output: bigint
}

async function sessions(): Promise<Session[]> {
  const { rows } = await store.executeSql(
    `select to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, model, input_tokens::text as input,
       output_tokens::text as output from usage where organization = $1 order by at, session`,
    [organization],
  )
  return (rows as Record<'day' | 'model' | 'input' | 'output', string>[]).map((row) => ({
    ...row,
    input: BigInt(row.input),
    output: BigInt(row.output),
  }))
}

const times = (count: bigint, price: string): Decimal => multiply(decimal(count), decimal(price))

describe('what usage would have cost', () => {
  test('is the sum over every session, by day and model', async () => {
    const card = newName()
    await publish(card, same(flatModel('1.2345678901', '10')))
    const { rows, totals, actual, leftOut } = await whatIf(context, asked(card))
    const naive = new Map<string, Decimal>()
    for (const { day, model, input, output } of await sessions()) {
      const cost = add(times(input, '0.0000012345678901'), times(output, '0.00001'))
      const key = `${day} ${model}`
      naive.set(key, add(naive.get(key) ?? ZERO, cost))
    }
    expect(rows.length).toBe(naive.size)
    expect(Object.fromEntries(rows.map((row) => [`${row.day} ${row.model}`, row.cost]))).toEqual(
      Object.fromEntries(naive),
    )
    expect(totals.get('USD')).toEqual(sum([...naive.values()]))
    const usage = await store.usageTotal({ organization, from: FROM, to: TO })
    expect(format(actual)).toBe(format(multiply(decimal(usage.amount), decimal('1e-12'))))
    expect(leftOut.size).toBe(0)
  })

  test('counts each prompt by its own size, out of the single sessions', async () => {
    const card = newName()
    const promptTiers = [
      { above: '400', prices: { input: '3' } },
      { above: '700', prices: { input: '5', output: '20' } },
    ]
    await publish(card, same({ ...flatModel('1', '10'), promptTiers }))
    const { totals } = await whatIf(context, asked(card))
    const naive = (await sessions()).map(({ input, output }) => {
      const [a, b] = input > 700n ? ['5', '20'] : input > 400n ? ['3', '10'] : ['1', '10']
      return add(times(input, `${a}e-6`), times(output, `${b}e-6`))
    })
    expect(totals.get('USD')).toEqual(sum(naive))
  })

  test('counts tiers by the calendar month, and days add up to it', async () => {
    const card = newName()
    const tiers = [
      { upTo: '20000', price: '4' },
      { upTo: null, price: '1' },
    ]
    for (const mode of ['graduated', 'volume']) {
      await publish(card, same({ prices: { input: { mode, tiers, free: '1000' }, output: '0' } }))
      const { totals } = await whatIf(context, asked(card))
      const used = new Map<string, bigint>()
      for (const { day, model, input } of await sessions()) {
        const key = `${day.slice(0, 7)} ${model}`
        used.set(key, (used.get(key) ?? 0n) + input)
      }
      const naive = [...used.values()].map((input) => {
        const charged = input - 1000n
        if (mode === 'volume') return times(charged, charged > 20_000n ? '1e-6' : '4e-6')
        const low = charged < 20_000n ? charged : 20_000n
        return add(times(low, '4e-6'), times(charged - low, '1e-6'))
      })
      expect(totals.get('USD')).toEqual(sum(naive))
      // A day counts on from the days before it, also where nobody asks for those.
      const parts = [FROM, FROM + 2 * DAY_MS, NOW].map((from, i, all) =>
        whatIf(context, asked(card, { from, to: all[i + 1] ?? TO })),
      )
      const perPart = (await Promise.all(parts)).map((part) => part.totals.get('USD') ?? ZERO)
      if (mode === 'graduated') expect(sum(perPart)).toEqual(totals.get('USD'))
    }
  })

  test('has the price that was in force on each day, unless a version is asked for', async () => {
    const card = newName()
    await publish(card, same(flatModel('1', '1')))
    const change = new Date(NOW - DAY_MS).toISOString().slice(0, 10)
    await publish(card, same(flatModel('7', '7')), { effectiveFrom: change })
    const tokens = (await sessions()).map(({ day, input, output }) => ({ day, n: input + output }))
    const naive = tokens.map(({ day, n }) => times(n, day < change ? '1e-6' : '7e-6'))
    const { totals, rows } = await whatIf(context, asked(card))
    expect(totals.get('USD')).toEqual(sum(naive))
    expect(new Set(rows.map(({ version }) => version)).size).toBe(2)
    const again = await whatIf(context, asked(card, { version: 2 }))
    expect(again.totals.get('USD')).toEqual(sum(tokens.map(({ n }) => times(n, '7e-6'))))
  })

  test('goes by the organization’s own card first, which nobody else sees', async () => {
    const card = newName()
    await publish(card, same(flatModel('5', '5')))
    await publish(card, { model_1: flatModel('2', '2') }, {}, organization)
    const tokens = await sessions()
    const naive = tokens.map(({ model, input, output }) =>
      times(input + output, model === 'model_1' ? '2e-6' : '5e-6'),
    )
    expect((await whatIf(context, asked(card))).totals.get('USD')).toEqual(sum(naive))
    const theirs = await whatIf(context, asked(card, { organization: stranger }))
    expect(theirs.totals.get('USD')).toEqual(
      sum(tokens.map(({ input, output }) => times(input + output, '5e-6'))),
    )
  })

  test('takes no model for free: it is refused, or named as left out', async () => {
    const card = newName()
    await publish(card, { elsewhere: flatModel('3', '3') })
    const models = { model_2: 'elsewhere' }
    await expect(whatIf(context, asked(card, { models }))).rejects.toMatchObject({
      code: 'HANSE_PRICE_UNKNOWN',
    })
    const { rows, leftOut, actual } = await whatIf(context, asked(card, { models, leaveOut: true }))
    expect(new Set(rows.map(({ model, pricedAs }) => `${model} ${pricedAs}`))).toEqual(
      new Set(['model_2 elsewhere']),
    )
    expect([...leftOut.keys()].toSorted()).toEqual(MODELS.filter((m) => m !== 'model_2').toSorted())
    const { amount } = await store.usageTotal({ organization, from: FROM, to: TO })
    expect(add(actual, sum([...leftOut.values()]))).toEqual(
      multiply(decimal(amount), decimal('1e-12')),
    )
    await expect(whatIf(context, asked(newName()))).rejects.toMatchObject({
      code: 'HANSE_NOT_FOUND',
    })
    await expect(
      whatIf(context, asked(card, { models, leaveOut: true, batch: true })),
    ).rejects.toThrow('no batch price')
  })

  test('is converted day by day, at the rates that are sent and no others', async () => {
    const card = newName()
    await publish(card, same(flatModel('1', '1')))
    const change = new Date(NOW).toISOString().slice(0, 10)
    const rates = [
      { from: 'USD', to: 'EUR', date: '2026-01-01', rate: decimal('0.9') },
      { from: 'USD', to: 'EUR', date: change, rate: decimal('0.80000000001') },
    ]
    const { totals } = await whatIf(context, asked(card, { currency: 'EUR', rates }))
    const naive = (await sessions()).map(({ day, input, output }) =>
      multiply(times(input + output, '1e-6'), decimal(day < change ? '0.9' : '0.80000000001')),
    )
    expect([...totals]).toEqual([['EUR', sum(naive)]])
    await expect(whatIf(context, asked(card, { currency: 'GBP', rates }))).rejects.toMatchObject({
      code: 'HANSE_EXCHANGE_RATE_UNKNOWN',
    })
  })

  test('by size of prompt says when single sessions are no longer there', async () => {
    const card = newName()
    const promptTiers = [{ above: '400', prices: { input: '3' } }]
    await publish(card, same({ ...flatModel('1', '10'), promptTiers }))
    await store.executeSql('update usage_mark set kept_from = $1', [new Date(NOW).toISOString()])
    try {
      await expect(whatIf(context, asked(card))).rejects.toMatchObject({ code: 'HANSE_USAGE_GONE' })
      const later = await whatIf(context, asked(card, { from: NOW }))
      expect(later.rows.length).toBeGreaterThan(0)
    } finally {
      await store.executeSql(`update usage_mark set kept_from = '-infinity'`)
    }
  })
})
