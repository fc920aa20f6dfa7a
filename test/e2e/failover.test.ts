import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, test } from 'vitest'
import { dice, type Fault, KillingField } from '../support/failover/kills.ts'

const PLAN = { tokens: 60, tokensPerSecond: 400 }
const SEED = Number(process.env.HANSE_TEST_SEED ?? randomInt(2 ** 31))
const roll = dice(SEED)

let field: KillingField

beforeAll(async () => {
  console.log(`HANSE_TEST_SEED=${SEED}`)
  field = await KillingField.open(PLAN)
})

afterAll(async () => {
  await field?.[Symbol.asyncDispose]()
})

const middle = (): number => 1 + roll(PLAN.tokens - 2)

test.each<[string, Fault]>([
  ['is cut off', 'cut'],
  ['has an engine that breaks off', 'die-mid'],
  ['has an engine that reports an error', 'error-mid'],
  ['has an engine that says nothing more', 'hang-mid'],
  ['is stopped', 'drain'],
])('when a provider %s in the middle, another one completes the answer', async (_, fault) => {
  const kill = { fault, victim: roll(3), afterTokens: middle() }
  const { failovers } = await field.survive([kill])
  assert.equal(failovers, 1)
})

test.each([
  ['before the first token', 0],
  ['after the first', 1],
  ['before the last', PLAN.tokens - 1],
  ['after the last', PLAN.tokens],
])('a provider that is cut off %s', async (_, afterTokens) => {
  await field.survive([{ fault: 'cut', victim: roll(3), afterTokens }])
})

test('when two providers fail one after the other, the third completes the answer', async () => {
  const half = 1 + roll(PLAN.tokens / 2 - 2)
  const { failovers } = await field.survive([
    { fault: 'cut', victim: 0, afterTokens: half },
    { fault: 'die-mid', victim: 1, afterTokens: half },
  ])
  assert.equal(failovers, 2)
})
