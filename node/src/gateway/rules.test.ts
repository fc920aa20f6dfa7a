import assert from 'node:assert/strict'
import { exportBundle, picoEuro, verifyBundle } from '@hanse/protocol'
import { describe, test } from 'vitest'
import type { OpenAiError } from '../openai/index.ts'
import { type OpenGatewayOptions, openGateway, type TestGateway } from './testing/open-gateway.ts'
import { readStream } from './testing/read-stream.ts'
import { delta, MODEL, ScriptedEngine, saying } from './testing/scripted-engine.ts'

const LONG = 'Say forty words.'
const ENDLESS = 'Never end.'

/** A market of one provider at 1 and 2 pico-euro a token, and a gateway with rules. */
class Ruled implements AsyncDisposable {
  readonly gateway: TestGateway
  readonly engine: ScriptedEngine

  private constructor(gateway: TestGateway, engine: ScriptedEngine) {
    this.gateway = gateway
    this.engine = engine
  }

  static async open(options: OpenGatewayOptions): Promise<Ruled> {
    const engine = new ScriptedEngine()
    engine.on(LONG, () => saying(...Array<string>(40).fill(' word')))
    engine.on(ENDLESS, async function* endless(_request, signal) {
      while (!signal.aborted) {
        yield delta({ content: ' on' })
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    return new Ruled(await openGateway([engine], options), engine)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
  }

  ask(key: string | undefined, content: string, more: object = {}): Promise<Response> {
    const body = { model: MODEL, messages: [{ role: 'user', content }], ...more }
    return this.gateway.post('/v1/chat/completions', body, headersOf(key))
  }

  async get(path: string, key?: string): Promise<{ status: number; json: Facts }> {
    const response = await fetch(this.gateway.url + path, { headers: headersOf(key) })
    return { status: response.status, json: (await response.json()) as Facts }
  }

  /** What all last receipts of the provider come to, once it has them. */
  async earned(): Promise<bigint> {
    const [store] = this.gateway.market.providerStores
    assert.ok(store !== undefined)
    for (;;) {
      const sessions = store.sessions({ limit: 1_000 })
      if (sessions.every(({ endedAt }) => endedAt !== undefined))
        return sessions.reduce((sum, { amount }) => sum + amount, 0n)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  get key(): string {
    return this.gateway.secrets.anna ?? ''
  }
}

interface Facts extends Partial<OpenAiError> {
  readonly total?: { readonly amount: string; readonly sessions: number }
  readonly groups?: readonly { readonly group: string; readonly amount: string }[]
  readonly standing?: { readonly basis: string } | null
}

const headersOf = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` }

async function errorOf(response: Response): Promise<OpenAiError['error'] | undefined> {
  return ((await response.json()) as Partial<OpenAiError>).error
}

describe('a budget', () => {
  test('is never overspent by fifty requests at once, and is spent until nothing fits', async () => {
    const budget = 2_000n
    await using ruled = await Ruled.open({
      keys: { anna: { budget: picoEuro(budget) } },
      slots: 50,
    })
    const statuses = new Map<number, number>()
    while (!statuses.has(402)) {
      const answers = await Promise.all(
        Array.from(
          { length: 50 },
          async () => await ruled.ask(ruled.key, LONG, { max_tokens: 40 }),
        ),
      )
      for (const answer of answers) {
        await answer.arrayBuffer()
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      }
    }
    assert.deepEqual(new Set(statuses.keys()), new Set([200, 429, 402]))
    const [anna] = ruled.gateway.rules.control.keys()
    assert.ok(anna !== undefined && anna.spent <= budget)
    // Each answer costs 5 and 2 * 40; what is left does not cover the worst case of another.
    assert.equal(anna.spent, 85n * BigInt(statuses.get(200) ?? 0))
    assert.equal(anna.spent, await ruled.earned())
    assert.equal(anna.reserved, 0n)
    for (const { counted, derived } of ruled.gateway.rules.control.checkSpend())
      assert.equal(counted, derived)
  })

  test('that does not cover an answer says what it would take', async () => {
    await using ruled = await Ruled.open({ keys: { anna: { budget: picoEuro(100n) } } })
    const refused = await ruled.ask(ruled.key, LONG, { max_tokens: 1_000 })
    assert.equal(refused.status, 402)
    assert.equal(refused.headers.get('x-should-retry'), 'false')
    const error = await errorOf(refused)
    assert.deepEqual([error?.code, error?.type], ['HANSE_BUDGET_EXHAUSTED', 'insufficient_quota'])
    assert.match(error?.message ?? '', /max_tokens 1000.*0\.0000000001 EUR a month/u)
    assert.equal(await ruled.earned(), 0n)
  })

  test('pays for no more than was set aside, whatever an engine goes on to say', async () => {
    const terms = { budget: picoEuro(2_000n), maxOutputTokens: 300 }
    await using ruled = await Ruled.open({ keys: { anna: terms } })
    const limits: number[] = []
    ruled.engine.on('Go on.', function* goOn({ maxOutputTokens }) {
      limits.push(maxOutputTokens)
      for (let i = 0; i < maxOutputTokens + 10; i++) yield delta({ content: ' on' })
      yield delta({}, 'length')
    })
    const { finish, done } = await readStream(
      await ruled.ask(ruled.key, 'Go on.', { stream: true }),
    )
    assert.deepEqual([limits, finish, done], [[300], 'length', true])
    const [anna] = ruled.gateway.rules.control.keys()
    assert.equal(anna?.spent, 5n + 2n * 300n)
    assert.equal(anna?.spent, await ruled.earned())
  })
})

describe('a request that runs', () => {
  test.each([
    ['revoked', 'HANSE_UNAUTHENTICATED', (r: Ruled) => r.gateway.rules.control.revokeKey('anna')],
    [
      'switched off',
      'HANSE_FORBIDDEN',
      (r: Ruled) => r.gateway.rules.control.updateKey('anna', { disabled: true }),
    ],
  ])('ends in mid-stream when its key is %s, and what came is paid', async (_what, code, stop) => {
    await using ruled = await Ruled.open({ keys: { anna: {} } })
    const answer = await ruled.ask(ruled.key, ENDLESS, { stream: true })
    stop(ruled)
    const { error, done } = await readStream(answer)
    assert.equal(error?.code, code)
    assert.equal(done, false)
    const [anna] = ruled.gateway.rules.control.keys()
    assert.equal(anna?.reserved, 0n)
    assert.equal((await ruled.ask(ruled.key, LONG)).status, code === 'HANSE_FORBIDDEN' ? 403 : 401)
    const [session] = ruled.gateway.market.store.sessions({ limit: 1 })
    const evidence = ruled.gateway.market.store.evidence(session?.session ?? '', 'test')
    assert.ok(evidence !== undefined && verifyBundle(exportBundle(evidence)).verified)
    assert.equal(ruled.engine.running, 0)
  })
})

describe('in EU mode', () => {
  test('nothing is asked of a provider before a lawful basis stands, nor after it is withdrawn', async () => {
    await using ruled = await Ruled.open({ rules: { euAudit: true } })
    const { control } = ruled.gateway.rules
    const refused = await ruled.ask(undefined, LONG)
    assert.equal(refused.status, 403)
    const error = await errorOf(refused)
    assert.equal(error?.code, 'HANSE_CONSENT_REQUIRED')
    assert.match(error?.message ?? '', /hanse gateway consent give/u)
    assert.equal((await ruled.get('/hanse/v1/consent')).json.standing, null)
    assert.equal(ruled.engine.bodies.length, 0)

    control.giveBasis('contract', 'anna')
    const answered = await ruled.ask(undefined, LONG)
    assert.equal(answered.status, 200)
    assert.match(answered.headers.get('x-hanse-notice') ?? '', /AI-generated/u)
    assert.equal((await ruled.get('/hanse/v1/consent')).json.standing?.basis, 'contract')

    const running = await ruled.ask(undefined, ENDLESS, { stream: true })
    control.withdrawBasis('anna')
    assert.equal((await readStream(running)).error?.code, 'HANSE_CONSENT_REQUIRED')
    assert.equal((await ruled.ask(undefined, LONG)).status, 403)
    assert.deepEqual(
      ruled.gateway.notes.map((note) => note.kind === 'lawful-basis' && note.action),
      ['given', 'withdrawn'],
    )
  })

  test('what is done with keys and budgets is logged, by their ids', async () => {
    await using ruled = await Ruled.open({
      keys: { anna: { budget: picoEuro(0n) } },
      rules: { euAudit: true, lawfulBasis: 'consent' },
    })
    assert.equal((await ruled.ask(ruled.key, LONG)).status, 402)
    const [key] = ruled.gateway.rules.control.keys()
    assert.deepEqual(
      ruled.gateway.notes.map((note) => [note.kind, 'key' in note ? note.key : undefined]),
      [
        ['lawful-basis', undefined],
        ['key', key?.id],
        ['budget-stop', key?.id],
      ],
    )
    assert.equal(JSON.stringify(ruled.gateway.notes).includes('anna'), false)
  })

  test('keys are told nothing of basis and retention, and elsewhere there are none', async () => {
    await using ruled = await Ruled.open({
      keys: { anna: {} },
      rules: { euAudit: true, lawfulBasis: 'consent', retainRequestsDays: 30 },
    })
    const retention = await ruled.get('/hanse/v1/retention')
    assert.equal(retention.status, 200)
    for (const path of ['/hanse/v1/retention', '/hanse/v1/consent'])
      assert.equal((await ruled.get(path, ruled.key)).status, 403)
    await using home = await Ruled.open({ rules: {} })
    for (const path of ['/hanse/v1/retention', '/hanse/v1/consent'])
      assert.equal((await home.get(path)).status, 404)
    assert.equal((await home.ask(undefined, LONG)).headers.get('x-hanse-notice'), null)
  })
})

test('a key sees what it has spent, its owner what all have, and a web page nothing', async () => {
  await using ruled = await Ruled.open({ keys: { anna: { tags: ['team'] }, bert: {} } })
  const { bert } = ruled.gateway.secrets
  for (const [key, content] of [
    [ruled.key, LONG],
    [bert, 'Hello'],
    [undefined, 'Hello'],
  ] as const)
    await (await ruled.ask(key, content)).arrayBuffer()
  const groups = async (path: string, key?: string) =>
    Object.fromEntries(
      ((await ruled.get(path, key)).json.groups ?? []).map(({ group, amount }) => [group, amount]),
    )
  assert.deepEqual(await groups('/hanse/v1/spend'), { anna: '85', bert: '9', owner: '9' })
  assert.deepEqual(await groups('/hanse/v1/spend?key=bert'), { bert: '9' })
  assert.deepEqual(await groups('/hanse/v1/spend?by=tag'), { team: '85', '(none)': '18' })
  assert.deepEqual(await groups('/hanse/v1/spend?key=bert', ruled.key), { anna: '85' })
  assert.deepEqual(await groups('/hanse/v1/spend?by=model', bert), { [MODEL]: '9' })
  assert.equal((await ruled.get('/hanse/v1/spend?by=hour')).status, 400)
  assert.equal((await ruled.get('/hanse/v1/spend?key=nobody')).status, 404)
  const page = await fetch(`${ruled.gateway.url}/hanse/v1/spend`, {
    headers: { origin: 'https://example.org' },
  })
  assert.equal(page.status, 403)
})
