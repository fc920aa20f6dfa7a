import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { startWeb } from '@hanse/marketplace-web/server'
import { NodeStore } from '@hanse/node'
import { type ConsumerOptions, createConsumer, type HanseConsumer } from '@hanse/node/consumer'
import { cidOf } from '@hanse/protocol'
import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { entriesOf, Market, NETWORK } from '../../scripts/demo/market.ts'
import type { Tenant } from '../../scripts/demo/operator.ts'
import { buildWeb, WEB_BUILD } from '../../scripts/demo/web.ts'
import { launchChromium } from '../support/chromium.ts'
import { hanse } from '../support/hanse.ts'
import { sessionsOf, untilSettled } from '../support/sessions.ts'

const MODEL = 'hanse/tiny-v1:f16'
const SLOW = 'test/slow'
const FRANCE = [{ role: 'user' as const, content: 'What is the capital of France?' }]

let stateDir = ''
let market: Market
let engine: EngineStub
let client: OpenAI

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-market-'))
  // Slow enough that a provider can be killed in mid-answer, long enough for several receipts before.
  engine = await startEngineStub({ model: 'slow-model', tokensPerSecond: 100, tokens: 2000 })
  const slow = ['--engine', 'openai', '--engine-url', engine.url, '--models', `${SLOW}=slow-model`]
  market = await Market.start({
    stateDir,
    gatewayArgs: ['--receipt-every', '16'],
    providers: [
      { name: 'de', country: 'DE', inputPrice: '60', outputPrice: '251.37' },
      { name: 'nl', country: 'NL', inputPrice: '60', outputPrice: '312.5' },
      { name: 'us', country: 'US', inputPrice: '30', outputPrice: '120' },
      { name: 'slow-fr', country: 'FR', inputPrice: '1', outputPrice: '10', args: slow },
      { name: 'slow-at', country: 'AT', inputPrice: '1', outputPrice: '20', args: slow },
    ],
  })
  await market.operator.topUp(market.tenant, 5_000n)
  client = new OpenAI({ baseURL: `${market.gatewayUrl}/v1`, apiKey: 'none', maxRetries: 0 })
})

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await engine?.close()
  await rm(stateDir, { recursive: true, force: true })
})

const providerNamed = (name: string) => {
  const provider = market.providers.get(name)
  assert.ok(provider !== undefined)
  return provider
}

describe('the official openai client', () => {
  test('gets a whole answer from a real model', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: MODEL, messages: FRANCE, temperature: 0 })
      .withResponse()
    assert.equal(data.choices[0]?.message.content, 'The capital of France is Paris.')
    assert.equal(data.choices[0]?.finish_reason, 'stop')
    assert.ok((data.usage?.completion_tokens ?? 0) > 0)
    assert.equal(response.headers.get('x-hanse-provider'), providerNamed('de').peerId)
    assert.equal(response.headers.get('x-hanse-country'), 'DE')
  })

  test('gets the same answer as a stream, with usage only when it asks', async () => {
    for (const include_usage of [true, false]) {
      const stream = await client.chat.completions.create({
        model: MODEL,
        messages: FRANCE,
        temperature: 0,
        stream: true,
        stream_options: { include_usage },
      })
      let text = ''
      let usages = 0
      let finish: string | null | undefined
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        finish = chunk.choices[0]?.finish_reason ?? finish
        if (chunk.usage) usages++
      }
      assert.equal(text, 'The capital of France is Paris.')
      assert.equal(finish, 'stop')
      assert.equal(usages, include_usage ? 1 : 0)
    }
  })

  test('reads errors as its own, with our codes', async () => {
    const error = await client.chat.completions
      .create({ model: 'no/such-model', messages: FRANCE })
      .catch((e: unknown) => e)
    assert.ok(error instanceof APIError)
    assert.equal(error.status, 404)
    assert.equal(error.code, 'HANSE_MODEL_UNKNOWN')
    assert.ok(error.requestID)
  })

  test('lists the models on offer', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id)
    assert.ok(ids.includes(MODEL) && ids.includes(SLOW))
  })

  test('that goes away stops the engine, and pays for what it got', async () => {
    const before = engine.aborted
    const stream = await client.chat.completions.create({
      model: SLOW,
      messages: FRANCE,
      stream: true,
    })
    let chunks = 0
    for await (const _ of stream) if (++chunks === 40) break
    await until(() => engine.aborted > before)
    const [session] = await sessionsOf(market)
    assert.ok(session !== undefined)
    await until(async () => (await sessionsOf(market))[0]?.reason === 'cancelled')
    assert.ok(BigInt((await sessionsOf(market))[0]?.amount ?? 0) > 0n)
  })
})

describe('residency', () => {
  test('keeps the provider outside the EU from ever getting an order, though it is the cheapest', async () => {
    await client.chat.completions.create({ model: MODEL, messages: FRANCE, max_tokens: 4 })
    const us = providerNamed('us').peerId
    assert.ok((await sessionsOf(market)).every(({ peer }) => peer !== us))
    const log = await readFile(join(stateDir, 'logs', 'us.log'), 'utf8')
    assert.ok(!log.includes('session'), 'it never heard of a session')
  })

  test('is explained by hanse offers: who is excluded, why, and what would change it', async () => {
    const { code, stdout } = await hanse(['offers', '--gateway-url', market.gatewayUrl], stateDir)
    assert.equal(code, 0)
    assert.match(stdout, /1 excluded/u)
    assert.match(stdout, /residency: US is outside EU — to change it: allow US/u)
    assert.ok(!stdout.includes('\u001B['), 'no colours when piped')
  })
})

describe('money', () => {
  test('both sides report one session, and it is booked once, exactly', async () => {
    // So that its Statement tells of it alone.
    for (const before of await sessionsOf(market)) {
      if (before.amount !== '0') await untilSettled(market, before.session)
    }
    const { response } = await client.chat.completions
      .create({ model: MODEL, messages: FRANCE, temperature: 0 })
      .withResponse()
    const session = response.headers.get('x-hanse-session') ?? ''
    const { amount } = await untilSettled(market, session)
    // The provider's copy comes on its own time; it must change nothing.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const entries = await entriesOf(market, session)
    const total = entries.reduce((sum, entry) => sum + BigInt(entry.amount), 0n)
    assert.equal(total, BigInt(amount))
    assert.deepEqual(entries.map(({ kind }) => kind).sort(), ['platform_fee', 'usage'])
    const fee = entries.find(({ kind }) => kind === 'platform_fee')
    assert.equal(BigInt(fee?.amount ?? 0), (BigInt(amount) * 2500n) / 10_000n)
    assert.equal((await market.operator.checkLedger()).balanced, true)
  })

  test('is paid out in whole cents, and the rest stays payable', async () => {
    await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      temperature: 0,
      max_tokens: 200,
    })
    const [session] = await sessionsOf(market)
    await untilSettled(market, session?.session ?? '')
    const payouts = await market.operator.runPayouts()
    const ours = payouts.find(({ provider }) => provider === providerNamed('de').peerId)
    assert.ok(ours !== undefined && BigInt(ours.cents) >= 1n)
    assert.equal((await market.operator.checkLedger()).balanced, true)
    assert.deepEqual(await market.operator.runPayouts(), [], 'a second run finds less than a cent')
  })
})

describe('the SDK', () => {
  test('pays through settlement, which books what both have signed', async () => {
    const where = { bootstrap: [market.relayAddress], network: NETWORK }
    const kept = { ...where, dataDir: join(stateDir, 'sdk') }
    const { apiKey } = await tenantOf(kept)
    const settlement = { url: market.settlementUrl, apiKey }
    await using sdk = await createConsumer({ ...kept, settlement })
    await buyAndSettle(sdk)
  })

  test('pays through a server that alone has the key, as a page does', async () => {
    const where = { bootstrap: [market.relayAddress], network: NETWORK }
    const known = { ...where, seed: new Uint8Array(32).fill(9) }
    const passed: string[] = []
    await using server = await passingOn(await tenantOf(known), passed)
    const settlement = { url: `${server.url}/pay` }
    await using sdk = await createConsumer({
      ...known,
      settlement,
      authorizationAmount: '0.50 EUR',
    })
    await buyAndSettle(sdk)
    // No more than the guide names; the signer is asked for twice, by what pays and by what knows of revocations.
    assert.deepEqual(
      new Set(passed.map((one) => one.split('?')[0])),
      new Set(['GET /v1/attestations/revoked', 'GET /v1/identity', 'POST /v1/authorizations']),
    )
  })

  /** An organization with money, of which this consumer is one. */
  async function tenantOf(options: ConsumerOptions): Promise<Tenant> {
    await using sdk = await createConsumer(options)
    const tenant = await market.operator.createOrganization('SDK GmbH', [sdk.peerId])
    await market.operator.topUp(tenant, 1_000n)
    return tenant
  }

  async function buyAndSettle(sdk: HanseConsumer): Promise<void> {
    const answer = await sdk.chat({ model: MODEL, messages: FRANCE, temperature: 0 })
    assert.equal(await answer.text(), 'The capital of France is Paris.')
    const { amount } = await answer.bill
    assert.ok(amount > 0n)
    const report = sdk.verify(await answer.bundle())
    assert.ok(report.verified)
    assert.equal(report.summary?.amount, amount)
    await until(async () => {
      const response = await fetch(`${market.settlementUrl}/v1/receipts/${answer.session}`)
      return (
        response.ok && BigInt(((await response.json()) as { amount: string }).amount) === amount
      )
    })
  }

  /** What the guide of the SDK asks of a page's own server. @param passed requests, as they come */
  async function passingOn(
    { apiKey }: Tenant,
    passed: string[],
  ): Promise<AsyncDisposable & { readonly url: string }> {
    const server = http.createServer((request, response) => {
      void (async () => {
        const path = request.url?.replace('/pay', '') ?? ''
        passed.push(`${request.method} ${path}`)
        const answer = await fetch(market.settlementUrl + path, {
          method: request.method ?? 'GET',
          headers: {
            ...Object.fromEntries(
              ['content-type', 'idempotency-key'].flatMap((name) =>
                request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]],
              ),
            ),
            authorization: `Bearer ${apiKey}`,
          },
          ...(request.method === 'POST' ? { body: await text(request) } : {}),
        })
        response.writeHead(answer.status, { 'content-type': 'application/json' })
        response.end(await answer.text())
      })()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: async () => {
        server.close()
        server.closeAllConnections()
      },
    }
  }
})

describe('a bundle', () => {
  test('verifies with one line per check, and not with a byte changed', async () => {
    const { response } = await client.chat.completions
      .create({ model: MODEL, messages: FRANCE, temperature: 0 })
      .withResponse()
    const session = response.headers.get('x-hanse-session') ?? ''
    await until(async () =>
      (await sessionsOf(market)).some((s) => s.session === session && s.reason === 'completed'),
    )
    const bytes = new Uint8Array(
      await (await fetch(`${market.gatewayUrl}/hanse/v1/bundles/${session}`)).arrayBuffer(),
    )
    const path = join(stateDir, 'bundle.car')
    const verify = async (content: Uint8Array) => {
      await writeFile(path, content)
      return await hanse(
        ['verify', path, '--trust', market.settlementPeerId, '--network', 'devnet'],
        stateDir,
      )
    }
    const good = await verify(bytes)
    assert.equal(good.code, 0, good.stdout)
    assert.match(good.stdout, /VERIFIED/u)
    assert.equal(good.stdout.split('\n').filter((line) => line.startsWith('✓')).length, 15)
    for (const at of [0, 20, bytes.length >> 1, bytes.length - 1]) {
      const bad = await verify(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)))
      assert.equal(bad.code, 1)
      assert.match(bad.stdout, /✗ [a-z-]+ +\S/u)
      assert.equal(bad.stderr, '')
    }
  })
})

describe('the website', () => {
  test('shows the offers of real providers, which its page finds in the DHT', async () => {
    await buildWeb(() => {})
    const web = await startWeb({
      directory: WEB_BUILD,
      host: '127.0.0.1',
      port: 0,
      gatewayUrl: market.gatewayUrl,
      settlementUrl: market.settlementUrl,
      network: { name: NETWORK, bootstrap: [market.relayWebSocket] },
    })
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const faults: string[] = []
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
      await page.goto(`${web.url}/market`)
      await page.getByText('251.37').first().waitFor()
      await page.getByText('5 offers of 5 providers').waitFor()
      assert.deepEqual(faults, [])
    } finally {
      await browser.close()
      await web.close()
    }
  })
})

describe('the gateway’s door', () => {
  const post = async (
    body: string | Uint8Array,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => {
    const response = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      body: body as NonNullable<RequestInit['body']>,
      headers,
    })
    const { error } = (await response.json()) as {
      error: { code: string; message: string; type: string }
    }
    return { status: response.status, ...error }
  }

  test.each([
    ['half an object', '{', 400, 'HANSE_REQUEST_JSON'],
    ['a list', '[]', 400, 'HANSE_REQUEST_INVALID'],
    ['no messages', '{"model":"a/b"}', 400, 'HANSE_REQUEST_INVALID'],
    [
      'no tokens',
      `{"model":"${MODEL}","messages":[{"role":"user","content":"x"}],"max_tokens":0}`,
      400,
      'HANSE_REQUEST_INVALID',
    ],
    [
      'more than the context',
      `{"model":"${MODEL}","messages":[{"role":"user","content":"${'word '.repeat(600)}"}]}`,
      400,
      'HANSE_CONTEXT_LENGTH',
    ],
    [
      'an unknown model',
      '{"model":"nobody/has-this","messages":[{"role":"user","content":"x"}]}',
      404,
      'HANSE_MODEL_UNKNOWN',
    ],
  ])('refuses %s', async (_what, body, status, code) => {
    const answer = await post(body)
    assert.equal(answer.status, status)
    assert.equal(answer.code, code)
    assert.ok(answer.message.length > 10)
  })

  test('refuses what is too large, or not JSON by its type', async () => {
    assert.equal(await announce((16 << 20) + 1), 413)
    assert.equal((await post('{}', { 'content-type': 'text/plain' })).code, 'HANSE_REQUEST_JSON')
  })

  test('is still open after all that', async () => {
    const health = (await (await fetch(`${market.gatewayUrl}/healthz`)).json()) as {
      status: string
    }
    assert.equal(health.status, 'ok')
  })
})

describe('a provider that dies in mid-answer', () => {
  test('gives the client an error, leaves a consistent last receipt, and the next request goes elsewhere', async () => {
    const stream = await client.chat.completions.create({
      model: SLOW,
      messages: FRANCE,
      stream: true,
    })
    let tokens = 0
    const error = await (async () => {
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) tokens++
        if (tokens === 60) providerNamed('slow-fr').child.kill()
      }
    })().catch((e: unknown) => e)
    assert.ok(error instanceof APIError, 'the stream must not end as if it were whole')
    assert.match(error.message, /vanished|without a final receipt/u)

    const [session] = await sessionsOf(market)
    assert.equal(session?.peer, providerNamed('slow-fr').peerId)
    assert.equal(session?.reason, 'provider-unreachable')
    const { amount } = await untilSettled(market, session?.session ?? '')
    await assertSameChain(session?.session ?? '', 'slow-fr')
    // What the consumer signed settles, though the provider is dead: at least all receipts before the last window.
    assert.ok(BigInt(amount) >= 10_000_000n * 32n, `only ${amount}`)

    const { response } = await client.chat.completions
      .create({ model: SLOW, messages: FRANCE, max_tokens: 5 })
      .withResponse()
    assert.equal(response.headers.get('x-hanse-provider'), providerNamed('slow-at').peerId)
    assert.equal((await market.operator.checkLedger()).balanced, true)
  })
})

/** The dead provider's receipts are the consumer's, or all but the last, whose countersignature was on its way. */
async function assertSameChain(session: string, provider: string): Promise<void> {
  using theirs = new NodeStore(join(stateDir, provider, 'node.db'))
  const response = await fetch(`${market.gatewayUrl}/hanse/v1/sessions/${session}`)
  const ours = ((await response.json()) as { receipts: { cid: string }[] }).receipts.map(
    ({ cid }) => cid,
  )
  const kept = theirs.receipts(session).map(({ bytes }) => cidOf(bytes).toString())
  assert.ok(kept.length >= ours.length - 1, `${kept.length} of ${ours.length}`)
  assert.deepEqual(kept, ours.slice(0, kept.length))
}

/** Says how large a body will be, and sends nothing of it: a client that sent all could miss the early answer. */
async function announce(bytes: number): Promise<number | undefined> {
  const request = http.request(`${market.gatewayUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': bytes },
  })
  request.flushHeaders()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  request.destroy()
  return response.statusCode
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail('it did not come true within 10 s')
}
