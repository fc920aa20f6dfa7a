import { describe, expect, test } from 'vitest'
import { MUTATIONS } from './mutations.ts'
import type { SeedResult } from './run-seed.ts'
import { runSeeds } from './run-seeds.ts'

/** Within so many seeds every planted bug must show. */
const SEEDS_MAX = 200

describe('a planted bug is found, as what it is', () => {
  test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    '%s',
    async (name, { violates, focus }) => {
      let found: SeedResult['failure']
      await runSeeds({
        from: 0,
        count: SEEDS_MAX,
        workers: 2,
        mutation: name,
        ...(focus === undefined ? {} : { focus }),
        onResult: ({ failure }) => {
          found ??= failure
          return found !== undefined
        },
      })
      expect(found?.invariant, found?.detail).toBeOneOf(violates)
    },
    120_000,
  )
})
