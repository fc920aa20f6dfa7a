import assert from 'node:assert/strict'
import { type GatewayRules, gatewayRulesSchema } from '@hanse/protocol'
import { describe, test } from 'vitest'
import {
  MODEL,
  type OpenGatewayOptions,
  openGateway,
  ScriptedEngine,
  saying,
  type TestGateway,
} from '../testing/open-gateway.ts'

const LONG = 'Say forty words.'
/** Of one such answer at 1 and 2 pico-euro a token. */
const COST = 85n
const DAY = { kind: 'day' }

async function open(options: OpenGatewayOptions = {}) {
  const engine = new ScriptedEngine()
  engine.on(LONG, () => saying(...Array<string>(40).fill(' word')))
  const gateway = await openGateway([engine], {
    keys: { anna: {}, bert: {} },
    slots: 50,
    rules: {},
    ...options,
  })
  return {
    gateway,
    rule: (rules: object) => gateway.rules.organization?.change(rulesOf(rules), Date.now()),
    ask: (key: string, more: object = {}, headers: Record<string, string> = {}) =>
      ask(gateway, key, more, headers),
    states: () => gateway.rules.organization?.budgets.states(Date.now()) ?? [],
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

function rulesOf(rules: object): GatewayRules {
  return gatewayRulesSchema.parse({
    revision: '1',
    organization: 'org_1',
    timeZone: 'UTC',
    teams: [],
    budgets: [],
    policy: null,
    reached: [],
    ...rules,
  })
}

const budget = (amount: bigint, more: object = {}) => ({
  id: `bud_${JSON.stringify(more)}`.slice(0, 60),
  name: 'b',
  amount: amount.toString(),
  window: DAY,
  ...more,
})

/** Status, code and message of what a key is answered. */
async function ask(
  gateway: TestGateway,
  key: string,
  more: object,
  headers: Record<string, string>,
) {
  const response = await gateway.post(
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: LONG }], max_tokens: 40, ...more },
    { authorization: `Bearer ${gateway.secrets[key]}`, ...headers },
  )
  const body = (await response.json()) as { error?: { code: string; message: string } }
  return {
    status: response.status,
    code: body.error?.code,
    message: body.error?.message ?? '',
    retryAfter: Number(response.headers.get('retry-after') ?? 0),
  }
}

describe('the rules of an organization', () => {
  test('a budget that is lowered counts for the next request, and says when it begins anew', async () => {
    await using ruled = await open()
    ruled.rule({ budgets: [budget(1_000_000n)] })
    assert.equal((await ruled.ask('anna')).status, 200)
    ruled.rule({ revision: '2', budgets: [budget(COST + 1n)] })
    const { status, code, message, retryAfter } = await ruled.ask('anna')
    assert.deepEqual([status, code], [402, 'HANSE_BUDGET_EXHAUSTED'])
    assert.match(message, /the organization.*begins anew at/u)
    assert.ok(retryAfter > 0 && retryAfter <= 86_400)
    const [state] = ruled.states()
    assert.deepEqual([state?.spent, state?.reserved], [COST, 0n])
    assert.equal(ruled.gateway.rules.organization?.refusals[0]?.code, 'HANSE_BUDGET_EXHAUSTED')
  })

  test('budgets of keys, teams, tags and models stop those in them, and nobody else', async () => {
    for (const [scope, inside, outside] of [
      [{ key: 'anna' }, ['anna'], ['bert']],
      [{ team: 'research' }, ['anna'], ['bert']],
      [{ tag: 'evals' }, ['bert', 'evals'], ['bert', 'other']],
    ] as const) {
      await using ruled = await open()
      const teams = [{ name: 'research', keys: ['anna'] }]
      ruled.rule({ teams, budgets: [budget(10n, { scope })] })
      const asked = ([key = '', tag = 'none']: readonly string[]) =>
        ruled.ask(key, { metadata: { tags: tag } }, { 'x-hanse-tags': tag })
      assert.equal((await asked(inside)).code, 'HANSE_BUDGET_EXHAUSTED', JSON.stringify(scope))
      assert.equal((await asked(outside)).status, 200, JSON.stringify(scope))
    }
    await using ruled = await open()
    ruled.rule({ budgets: [budget(10n, { scope: { model: 'other-*' } })] })
    assert.equal((await ruled.ask('anna')).status, 200)
    ruled.rule({ budgets: [budget(10n, { scope: { model: `${MODEL.slice(0, 2)}*` } })] })
    assert.equal((await ruled.ask('anna')).code, 'HANSE_BUDGET_EXHAUSTED')
  })

  test('fifty requests at once never overspend a budget that changes while they run', async () => {
    await using ruled = await open()
    const limit = 10n * COST
    const answers = Array.from({ length: 50 }, async (_, i) => {
      // In turns the same budget in another window: what runs is counted in each.
      const window = i % 2 === 0 ? DAY : { kind: 'month' }
      ruled.rule({ revision: String(i), budgets: [budget(limit, { window, id: 'bud_x' })] })
      return await ruled.ask('anna')
    })
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    const [state] = ruled.states()
    assert.equal(state?.reserved, 0n)
    assert.equal(state?.spent, COST * BigInt(statuses.filter((status) => status === 200).length))
    assert.ok((state?.spent ?? 0n) <= limit)
  })

  test('a threshold that slows lets only so many in, until the window ends', async () => {
    await using ruled = await open()
    const slow = { requestsPerMinute: 1 }
    const thresholds = [{ percent: 50, action: 'slow' }]
    ruled.rule({ budgets: [budget(2n * COST, { slow, thresholds })] })
    assert.equal((await ruled.ask('anna')).status, 200)
    assert.equal((await ruled.ask('anna')).status, 200)
    const slowed = await ruled.ask('bert')
    assert.deepEqual([slowed.status, slowed.code], [429, 'HANSE_RATE_LIMITED'])
    assert.match(slowed.message, /slowed down/u)
  })

  test('what settlement saw used up by all gateways together stops here too', async () => {
    await using ruled = await open()
    const [b] = [budget(1_000_000n)]
    const reached = [{ budget: b.id, action: 'stop', until: Date.now() + 60_000 }]
    ruled.rule({ budgets: [b], reached })
    assert.equal((await ruled.ask('anna')).code, 'HANSE_BUDGET_EXHAUSTED')
    ruled.rule({ revision: '2', budgets: [b], reached: [{ ...reached[0], until: Date.now() - 1 }] })
    assert.equal((await ruled.ask('anna')).status, 200)
  })

  test('a policy refuses by its rule, and limits what it lets in', async () => {
    await using ruled = await open()
    const policy = (...rules: object[]) =>
      ruled.rule({ policy: { version: 1, rules: rules.map((r) => ({ name: 'r', ...r })) } })
    const refused = async () => (await ruled.ask('anna')).message
    policy({ denyModels: ['*'] })
    assert.match(await refused(), /is not allowed.*\(rule r\)/u)
    policy({ maxTokens: 39 })
    assert.match(await refused(), /may have 39 tokens/u)
    policy({ requiredTags: ['project:*'] })
    assert.match(await refused(), /a tag project:\* is missing/u)
    policy({ for: { key: 'bert' }, denyModels: ['*'] })
    assert.equal(await refused(), '')
    // The provider is in Germany, and costs a little more than nothing.
    policy({ regions: ['FR'] })
    assert.notEqual((await ruled.ask('anna')).status, 200)
    policy({ maxOutputPrice: '0' })
    assert.notEqual((await ruled.ask('anna')).status, 200)
    policy({ regions: ['EU'], maxOutputPrice: '1' })
    assert.equal((await ruled.ask('anna')).status, 200)
  })

  test('fail-closed lets nobody in before the rules are known; else what is not known refuses nobody', async () => {
    await using closed = await open({ rules: { rules: 'fail-closed' } })
    assert.deepEqual((await closed.ask('anna')).code, 'HANSE_RULES_UNKNOWN')
    closed.rule({})
    assert.equal((await closed.ask('anna')).status, 200)
    closed.gateway.rules.organization?.confirm(Date.now() - 6 * 60_000)
    assert.equal((await closed.ask('anna')).code, 'HANSE_RULES_UNKNOWN')
    await using open_ = await open()
    assert.equal((await open_.ask('anna')).status, 200)
  })
})
