import { usagePolicySchema } from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { dryRun, dryRunLines } from './dry-run.ts'
import { faultLines, parsePolicy } from './parse-policy.ts'
import type { PastSession } from './policy-store.ts'

const GOOD = `version = 1
time_zone = "Europe/Berlin"

[[rules]]
name = "place"
regions = ["EU"]

[[rules]]
name = "interns"
for = { team = "interns" }
max_output_price = "2.00"
max_tokens = 4000
`
const linesOf = (source: string, format: 'toml' | 'json' = 'toml') =>
  faultLines('policy.toml', parsePolicy(source, format).faults)

describe('a policy that is read', () => {
  test('may write its fields as TOML or as JSON does', () => {
    const { policy } = parsePolicy(GOOD, 'toml')
    expect(policy?.rules[1]).toMatchObject({ for: { team: 'interns' }, maxTokens: 4000 })
    expect(parsePolicy(JSON.stringify(policy), 'json').policy).toEqual(policy)
  })

  test('says the line and the field of what is wrong', () => {
    expect(linesOf(GOOD.replace('4000', '"many"'))[0]).toMatch(
      /^policy\.toml:12: rules\[1\]\.max_tokens: /u,
    )
    expect(linesOf(GOOD.replace('["EU"]', '["XX"]'))[0]).toMatch(
      /^policy\.toml:6: rules\[0\]\.regions\[0\]: not EU/u,
    )
    expect(linesOf(GOOD.replace('max_tokens', 'max_tokns'))[0]).toMatch(
      /^policy\.toml:12: rules\[1\]\.max_tokns: /u,
    )
    expect(linesOf(GOOD.replace('name = "interns"\n', ''))[0]).toMatch(
      /^policy\.toml:8: rules\[1\]\.name: /u,
    )
    expect(linesOf(GOOD.replace('= 1', '=')).length).toBe(1)
    expect(linesOf(GOOD.replace('= 1', '='))[0]).toMatch(/^policy\.toml:1: /u)
    expect(linesOf('{"version": 1', 'json')).toHaveLength(1)
  })
})

const PAST: PastSession = {
  session: 's',
  at: Date.parse('2026-11-21T08:00:00Z'),
  model: 'llama-3',
  country: 'DE',
  inputTokens: 100n,
  outputTokens: 50n,
  amount: 1_000n,
  attribution: null,
}

test('a dry run judges every session of the past by pages, and says what for', async () => {
  const past = Array.from({ length: 12_000 }, (_, i) => ({
    ...PAST,
    session: `s${String(i).padStart(6, '0')}`,
    country: i % 100 === 0 ? 'US' : 'DE',
    amount: i % 1_000 === 1 ? 200_000_000n : PAST.amount,
  }))
  const store = {
    pastSessions: async ({ after, limit }: { after?: { session: string }; limit: number }) => {
      const begin = past.findIndex(({ session }) => session > (after?.session ?? ''))
      return begin < 0 ? [] : past.slice(begin, begin + limit)
    },
  }
  const policy = usagePolicySchema.parse({
    version: 1,
    rules: [
      { name: 'place', regions: ['EU'] },
      { name: 'cheap', maxInputPrice: '1', maxOutputPrice: '1' },
      { name: 'tagged', requiredTags: ['project:*'] },
    ],
  })
  const query = { organization: 'o', policy, timeZone: 'UTC', from: 0, to: Date.now() }
  const found = await dryRun(store, query)
  expect(found).toMatchObject({
    sessions: 12_000,
    refused: 132,
    unjudged: 11_868,
    isPartial: false,
  })
  expect(dryRunLines(found)).toEqual([
    'would have refused 132 of 12000 sessions',
    '  120 by place: region',
    '  12 by cheap: output-price',
    '  11868 could not be judged wholly: their key or tags are not known here',
  ])
})
