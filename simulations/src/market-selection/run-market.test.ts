import assert from 'node:assert/strict'
import { beforeAll, describe, test } from 'vitest'
import { MARKET } from './market-plan.ts'
import { type Outcome, runMarket } from './run-market.ts'
import { STRATEGIES } from './strategies.ts'

const SEED = 'a small market'
const SMALL = { ...MARKET, providers: 60, durationMs: 10 * 60_000, requestsPerSecond: 1 }
const NAMES = ['router', 'random', 'cheapest', 'fastest by offer'] as const

async function run(name: string): Promise<Outcome> {
  const strategy = STRATEGIES.find((each) => each.name === name)
  assert.ok(strategy !== undefined, name)
  return await runMarket(strategy, SEED, SMALL)
}

describe('in a market of sixty providers, heavy tails and lies among them', () => {
  const outcomes = new Map<string, Outcome>()
  const of = (name: (typeof NAMES)[number]): Outcome => {
    const outcome = outcomes.get(name)
    assert.ok(outcome !== undefined)
    return outcome
  }

  beforeAll(async () => {
    for (const name of NAMES) outcomes.set(name, await run(name))
  })

  test('routed answers cost less than those of random providers, and the slowest come sooner', () => {
    const [ours, random] = [of('router'), of('random')]
    assert.ok(ours.costPerThousand < random.costPerThousand)
    assert.ok(ours.answerP95 < random.answerP95)
    assert.ok(ours.firstTokenP95 < random.firstTokenP95)
    assert.ok(ours.failed <= random.failed)
  })

  test.each(['cheapest', 'fastest by offer'] as const)(
    'the rule “%s” is not better in both cost and time',
    (rule) => {
      const [ours, other] = [of('router'), of(rule)]
      assert.ok(
        ours.costPerThousand < other.costPerThousand || ours.answerP95 < other.answerP95,
        JSON.stringify([ours, other]),
      )
    },
  )

  test('the same seed and strategy give the same outcome', async () => {
    assert.deepEqual(await run('router'), of('router'))
  })
})
