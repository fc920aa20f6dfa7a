import assert from 'node:assert/strict'
import { Command } from 'commander'
import { test } from 'vitest'
import { addPolicyOptions, policyHeaders } from './policy-options.ts'

const headersOf = (...args: string[]) =>
  policyHeaders(addPolicyOptions(new Command()).parse(args, { from: 'user' }).opts())

test('flags become headers', () => {
  assert.deepEqual(headersOf(), {})
  assert.deepEqual(headersOf('--sort', 'price', '--max-price', '0.20 EUR/Mtok', '--tags', 'a,b'), {
    'x-hanse-sort': 'price',
    'x-hanse-max-output-price': '0.20 EUR/Mtok',
    'x-hanse-tags': 'a,b',
  })
})

test.each([
  [['--sort', 'fast'], /^--sort: must be one of/u],
  [['--region', 'Mars'], /^--region: must be EU/u],
  [['--max-price', 'cheap'], /^--max-price: must be a price/u],
  [['--only', 'somebody'], /^--only: must be peer ids/u],
])('%j is refused by its own name', (args, message) => {
  assert.throws(() => headersOf(...args), { code: 'HANSE_CONFIG_INVALID', message })
})
