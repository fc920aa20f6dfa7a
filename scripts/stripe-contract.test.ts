import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'vitest'
import { CONTRACT, freshContract } from './stripe-contract.ts'

test('the Stripe contract is that of the installed library: else run node scripts/stripe-contract.ts', async () => {
  const committed = (await readFile(CONTRACT, 'utf8')).split('\n')
  const fresh = freshContract().split('\n')
  // Whole lines would fill the screen; their heads say which operation or schema it is.
  const heads = (lines: string[], others: string[]) => {
    const known = new Set(others)
    return lines.filter((line) => !known.has(line)).map((line) => line.slice(0, 80))
  }
  assert.deepEqual(
    { stale: heads(committed, fresh), missing: heads(fresh, committed) },
    { stale: [], missing: [] },
  )
})
