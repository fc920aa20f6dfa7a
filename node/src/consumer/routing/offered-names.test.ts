import assert from 'node:assert/strict'
import { test } from 'vitest'
import { OfferedNames } from './offered-names.ts'

test('a name that nobody offers is looked up once a minute, and only the first request waits for it', async () => {
  let now = 1_000_000
  let looked = 0
  let offers: readonly string[] = []
  const names = new OfferedNames(
    async () => {
      looked++
      return offers
    },
    () => now,
  )
  for (let i = 0; i < 3; i++) assert.equal(await names.has('small:floor'), false)
  assert.equal(looked, 1)
  now += 60_000
  offers = ['one']
  assert.equal(await names.has('small:floor'), false)
  assert.equal(looked, 2)
  await Promise.resolve()
  assert.equal(await names.has('small:floor'), true)
})
