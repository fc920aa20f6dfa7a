// What runs in the page is in sdk-page/page.ts; here it is called by name.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { NodeStore } from '@hanse/node'
import type { ConsumerOptions } from '@hanse/node/consumer'
import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'
import { type BuiltPage, buildPage } from './sdk-page/build-page.ts'
import type { SdkPage } from './sdk-page/page.ts'

const WEB_SOCKET = '/ip4/127.0.0.1/tcp/0/ws'
/** libp2p with the DHT, and the protocol with its curve and its schemas; as measured, and a tenth more. */
const GZIP_BYTES_MAX = 340_000

const stack = new AsyncDisposableStack()
let engine: EngineStub
let lab: NatLab
let built: BuiltPage
let browser: Browser
let page: Page
let options: ConsumerOptions
let peerId: string
const complaints: string[] = []

beforeAll(async () => {
  engine = stack.use(await startEngineStub({ model: 'slow-model', tokensPerSecond: 400 }))
  lab = stack.use(new NatLab())
  const relay = await lab.relay([WEB_SOCKET])
  const bootstrap = relay.addresses.filter((address) => address.includes('/ws'))
  const provider = await lab.provider(bootstrap[0] ?? '', engine.url, [
    '--listen',
    WEB_SOCKET,
    '--input-price',
    '1',
    '--output-price',
    '2',
  ])
  peerId = provider.peerId
  options = {
    bootstrap,
    network: 'lab',
    residency: ['EU'],
    minLevel: 0,
    receiptEvery: 32,
  }
  built = await buildPage()
  const server = await serve(built.script)
  stack.defer(() => void server.close())
  browser = await launchChromium()
  stack.defer(async () => await browser.close())
  page = await browser.newPage()
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})

afterAll(async () => await stack.disposeAsync())

test('the SDK is built for a page without a module of Node’s, and stays as small as it is', () => {
  assert.ok(built.gzipBytes < GZIP_BYTES_MAX, `${built.gzipBytes} bytes compressed`)
})

describe('a page', () => {
  test('joins the network over a WebSocket, and finds providers in the DHT', async () => {
    const own = await call('open', options)
    assert.match(own, /^12D3KooW/u)
    assert.deepEqual(await call('offers', MODEL), [peerId])
    assert.deepEqual(await call('models'), [MODEL])
  })

  test('streams an answer, and verifies its receipts, which the provider has, too', async () => {
    const answer = await call('ask', MODEL, 100)
    assert.equal(answer.chunks, 102, 'a role, a hundred tokens, an end')
    assert.equal(answer.text, Array.from({ length: 100 }, (_, n) => ` t${n}`).join(''))
    assert.equal(answer.provider, peerId)
    assert.equal(answer.reason, 'length')
    assert.ok(answer.receipts >= 3, `${answer.receipts} receipts`)
    const { amount } = answer
    const report = await call('verify', answer.session)
    assert.deepEqual(report, { verified: true, amount, failed: [] })
    assert.equal(await call('verifyForged', answer.session), false)
    assert.equal(answer.lastReceipt, lastReceiptOf(answer.session))
  })

  test('stops in the middle: the engine too, and both have the same last receipt', async () => {
    const before = engine.aborted
    const answer = await call('ask', MODEL, 5_000, 60)
    assert.equal(answer.reason, 'cancelled')
    assert.ok(answer.chunks >= 60 && answer.chunks < 5_000, `${answer.chunks} chunks`)
    await until(() => engine.aborted > before)
    assert.equal((await call('verify', answer.session)).verified, true)
    assert.equal(answer.lastReceipt, lastReceiptOf(answer.session))
  })

  test('hands its receipts over as bytes', async () => {
    const { session } = await call('ask', MODEL, 5)
    assert.equal(await call('exportAndImport', options, session), true)
  })

  test('answers clients of OpenAI’s API by itself, streams and errors alike', async () => {
    const messages = [{ role: 'user', content: 'hi' }]
    const stream = await call('fetch', '/v1/chat/completions', {
      model: MODEL,
      messages,
      max_tokens: 3,
      stream: true,
    })
    assert.equal(stream.status, 200)
    assert.match(stream.text, /^data: \{.*\}\n\n.*data: \[DONE\]\n\n$/su)
    const { status, text } = await call('fetch', '/v1/chat/completions', {
      model: 'no/such',
      messages,
    })
    assert.equal(status, 404)
    assert.equal(JSON.parse(text).error.code, 'HANSE_MODEL_UNKNOWN')
    assert.equal(JSON.parse((await call('fetch', '/v1/models')).text).data[0].id, MODEL)
  })

  test('sends no prompt to a provider outside of its region, and says why', async () => {
    const before = engine.requests
    assert.equal(await call('fault', MODEL, ['FR']), 'HANSE_NO_PROVIDER')
    assert.equal(await call('fault', 'no/such'), 'HANSE_MODEL_UNKNOWN')
    assert.equal(engine.requests, before)
  })

  test('says what is wrong with its options', async () => {
    assert.equal(await call('openFault', { ...options, networkKey: 'x' }), 'HANSE_CONFIG_INVALID')
    const tcp = options.bootstrap.map((address) => address.replace('/ws', ''))
    const unreachable = { ...options, bootstrap: tcp, connectMs: 500 }
    assert.equal(await call('openFault', unreachable), 'HANSE_NETWORK_UNREACHABLE')
  })

  test('leaves the network when it is closed, without a complaint', async () => {
    await call('close')
    assert.deepEqual(complaints, [])
  })
})

test('a page keeps identity and receipts over a reload, for one tab at a time', async () => {
  const kept = { ...options, dataDir: 'shop' }
  const peer = await call('open', kept)
  const { session } = await call('ask', MODEL, 100)
  const { session: cut } = await call('ask', MODEL, 5_000, 60)
  assert.equal(await call('openFault', kept), 'HANSE_ALREADY_RUNNING')
  // As when the tab is closed: nobody says goodbye.
  await page.reload()
  assert.equal(await call('open', kept), peer)
  assert.deepEqual(await call('sessions'), [cut, session])
  for (const each of [session, cut]) assert.equal((await call('verify', each)).verified, true)
  await call('close')
  const other = await call('open', { ...options, dataDir: 'another shop' })
  assert.notEqual(other, peer)
  assert.deepEqual(await call('sessions'), [])
  await call('close')
})

test('a page reaches a provider that accepts no connection, through a relay', async () => {
  await using hidden = new NatLab()
  const { addresses } = await hidden.relay([WEB_SOCKET])
  const args = ['--listen', '/p2p-circuit', '--relay', 'on']
  const provider = await hidden.provider(addresses[0] ?? '', engine.url, args)
  await call('open', { ...options, bootstrap: addresses })
  const answer = await call('ask', MODEL, 20)
  assert.equal(answer.provider, provider.peerId)
  assert.equal((await call('verify', answer.session)).verified, true)
  await call('close')
})

/** Calls a function of the page. */
async function call<Name extends keyof SdkPage>(
  name: Name,
  ...args: Parameters<SdkPage[Name]>
): Promise<Awaited<ReturnType<SdkPage[Name]>>> {
  const given = args.map((arg) => JSON.stringify(arg)).join(', ')
  return await page.evaluate<Awaited<ReturnType<SdkPage[Name]>>>(
    `globalThis.sdkPage.${name}(${given})`,
  )
}

/** As the provider has it, hex. */
function lastReceiptOf(session: string): string {
  using store = new NodeStore(join(lab.folder, 'provider', 'node.db'))
  return Buffer.from(store.receipts(session).at(-1)?.bytes ?? []).toString('hex')
}

async function serve(script: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/page.js')
      response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script)
    else if (request.url === '/')
      response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end('<!doctype html><title>SDK</title><script type="module" src="/page.js"></script>')
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}
