import assert from 'node:assert/strict'
import { parseEuro, parsePrice } from '@hanse/protocol'
import { Command } from 'commander'
import { describe, test } from 'vitest'
import { parseDuration } from './duration.ts'
import { addKeyFlags, termsOf } from './key-flags.ts'

/** What is typed behind `hanse gateway keys update`, as terms. */
const typed = (...args: readonly string[]) =>
  termsOf(addKeyFlags(new Command().exitOverride()).parse(args, { from: 'user' }).opts())

describe('the terms of a key', () => {
  test('are typed as people write them', () => {
    const limits =
      '--requests-per-minute 60 --tokens-per-minute 100000 --parallel 4 --max-tokens 2000'
    const where = '--models hanse/*,mistral-small --regions EU,CH --tags team-a,prod'
    const money = ['--budget', '12.5', '--period', 'week', '--max-output-price', '0.20']
    assert.deepEqual(typed(...limits.split(' '), ...where.split(' '), ...money), {
      budget: parseEuro('12.5'),
      period: 'week',
      requestsPerMinute: 60,
      tokensPerMinute: 100_000,
      parallel: 4,
      maxOutputTokens: 2_000,
      models: ['hanse/*', 'mistral-small'],
      regions: ['EU', 'CH'],
      tags: ['team-a', 'prod'],
      maxOutputPrice: parsePrice('0.20 EUR/Mtok'),
    })
  })

  test('are left as they are where nothing is typed, and cleared by none', () => {
    assert.deepEqual(typed(), {})
    assert.deepEqual(typed('--budget', 'none', '--models', 'none', '--expires', 'none'), {
      budget: null,
      models: [],
      expiresAt: null,
    })
    // A budget for all time, which is no budget that was cleared.
    assert.deepEqual(typed('--period', 'none'), { period: 'none' })
  })

  test('end after a time, at one, or with a day in UTC', () => {
    const { expiresAt } = typed('--expires', '90d')
    assert.ok(Math.abs((expiresAt ?? 0) - Date.now() - 90 * 86_400_000) < 60_000)
    assert.deepEqual(typed('--expires', '2027-01-31'), {
      expiresAt: Date.parse('2027-02-01T00:00:00Z') - 1,
    })
    assert.deepEqual(typed('--expires', '2027-01-31T12:00:00Z'), {
      expiresAt: Date.parse('2027-01-31T12:00:00Z'),
    })
  })

  test.each([
    [/--budget is "much"/u, '--budget', 'much'],
    [/--budget/u, '--budget', '-1'],
    [/--period/u, '--period', 'year'],
    [/--parallel/u, '--parallel', '0'],
    [/--requests-per-minute/u, '--requests-per-minute', '1.5'],
    [/--regions/u, '--regions', 'MARS'],
    [/--expires/u, '--expires', 'tomorrow'],
    [/--tags/u, '--tags', 'x'.repeat(65)],
    [/--models/u, '--models', Array(65).fill('m').join()],
  ])('that are wrong are refused by %s', (says, ...args) => {
    assert.throws(() => typed(...args), says)
  })
})

test('a time is a number and its unit', () => {
  assert.deepEqual(
    ['0s', '30s', '15m', '12h', '90d'].map(parseDuration),
    [0, 30_000, 900_000, 43_200_000, 7_776_000_000],
  )
  for (const text of ['', '5', 'h', '-1h', '1.5h', '1w', '1 h'])
    assert.equal(parseDuration(text), undefined, text)
})
