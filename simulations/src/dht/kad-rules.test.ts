import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { KAD_DHT } from './kad-rules.ts'

const source = (file: string): string =>
  readFileSync(
    new URL(
      `../src/${file}`,
      new URL('.', import.meta.resolve('@libp2p/kad-dht').replace('/dist/src/', '/src/')),
    ),
    'utf8',
  )

test.each([
  ['routing-table/index.ts', `KBUCKET_SIZE = ${KAD_DHT.bucketSize}`],
  ['routing-table/index.ts', `PREFIX_LENGTH = ${KAD_DHT.prefixLength}`],
  ['routing-table/index.ts', `PING_OLD_CONTACT_COUNT = ${KAD_DHT.oldContactsPinged}`],
  ['routing-table/index.ts', `LAST_PING_THRESHOLD = ${KAD_DHT.pingAgainMs}`],
  ['constants.ts', `K = ${KAD_DHT.bucketSize}`],
  ['constants.ts', `ALPHA = ${KAD_DHT.alpha}`],
  ['constants.ts', `TABLE_REFRESH_INTERVAL = ${KAD_DHT.refreshMs / 60_000} * minute`],
  ['constants.ts', `QUERY_SELF_INTERVAL = ${KAD_DHT.refreshMs / 60_000} * minute`],
  ['constants.ts', `PROVIDERS_VALIDITY = ${KAD_DHT.validityMs / 3_600_000} * hour`],
  ['constants.ts', `REPROVIDE_THRESHOLD = ${KAD_DHT.thresholdMs / 3_600_000} * hour`],
  ['kad-dht.ts', 'this.d = init.disjointPaths ?? this.a'],
])('the installed kad-dht has in %s: %s', (file, line) => {
  expect(source(file)).toContain(line)
})

test('an hour is between two sweeps', () => {
  expect(source('constants.ts')).toMatch(/REPROVIDE_INTERVAL = hour$/mu)
  expect(KAD_DHT.sweepMs).toBe(3_600_000)
})
