import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test, vi } from 'vitest'
import { loadOrCreateIdentity, peerIdOf } from '../../network/identity-file.ts'
import { priceCommand } from './price.ts'

const MODEL = 'meta/llama-3.2-3b'
let folder = ''
let gateway: Server
let body: unknown
let printed: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-price-'))
  printed = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line))
  gateway = createServer((request, reply) => {
    assert.equal(request.url, '/hanse/v1/offers')
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await new Promise((resolve) => gateway.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const offer = (provider: string, outputPrice: string, changes: object = {}) => ({
  provider,
  model: MODEL,
  country: 'DE',
  evidenceLevel: 0,
  inputPrice: '50000',
  outputPrice,
  slots: 2,
  freeSlots: 1,
  tokensPerSecond: null,
  ...changes,
})

async function run(...flags: string[]): Promise<string> {
  const { port } = gateway.address() as AddressInfo
  const common = ['--gateway-url', `http://127.0.0.1:${port}`, '--data-dir', folder]
  await priceCommand().parseAsync(['node', 'price', 'advise', ...common, ...flags])
  return printed.join('\n')
}

/** A settlement service that knows one contract, and its terms. */
async function settlement(contract: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, reply) => {
    const known: Record<string, object> = {
      [`/v1/providers/${contract}`]: { payable: true, feeBps: 2_000 },
      '/v1/terms': { feeBps: 5_000 },
    }
    const answer = known[request.url ?? '']
    reply
      .writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(answer ?? { code: 'HANSE_PROVIDER_UNKNOWN' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('hanse price advise', () => {
  test('counts what settlement keeps: by the own contract, else by its terms', async () => {
    const own = peerIdOf(await loadOrCreateIdentity(join(folder, 'identity.key')))
    body = {
      network: 'test',
      candidates: [offer(own, '600000', { tokensPerSecond: 100 }), offer('a', '200000')],
      excluded: [],
    }
    const costs = ['--electricity-price', '0.36', '--watts', '400', '--margin-percent', '0']
    const told = async (contract: string) => {
      await using paid = await settlement(contract)
      printed = []
      return await run(...costs, '--settlement-url', paid.url)
    }
    // 0.40 EUR/Mtok of power, of 80 % and of half of the price.
    assert.match(await told(own), /out 0\.50 EUR\/Mtok at least, of which 20 % are/u)
    assert.match(await told('somebody-else'), /out 0\.80 EUR\/Mtok at least, of which 50 % are/u)
  })

  test('says so when settlement cannot be asked for its fee', async () => {
    body = { network: 'test', candidates: [], excluded: [] }
    const url = await settlement('nobody').then(async (gone) => {
      await gone[Symbol.asyncDispose]()
      return gone.url
    })
    await assert.rejects(run('--settlement-url', url), { code: 'HANSE_SETTLEMENT_UNAVAILABLE' })
  })

  test('shows the market, and knows its own offer by the data folder', async () => {
    const own = peerIdOf(await loadOrCreateIdentity(join(folder, 'identity.key')))
    const gone = { slots: 0, freeSlots: 0 }
    body = {
      network: 'test',
      candidates: [offer(own, '600000', { tokensPerSecond: 100 }), offer('a', '200000')],
      excluded: [
        { ...offer('b', '300000'), reasons: [{ code: 'residency' }] },
        { ...offer('c', '1'), reasons: [{ code: 'expired' }] },
        { ...offer('d', '1', gone), reasons: [{ code: 'price' }] },
      ],
    }
    const text = await run('--electricity-price', '0.36', '--watts', '400', '--margin-percent', '0')
    assert.match(
      text,
      /meta\/llama-3\.2-3b +3 +0\.05 \/ 0\.05 \/ 0\.05 +0\.20 \/ 0\.30 \/ 0\.60 +3\/6/u,
    )
    assert.match(text, /asked +in 0\.05 EUR\/Mtok, out 0\.60 EUR\/Mtok; 2 others ask less, 0 more/u)
    assert.match(text, /electricity .*out 0\.40 EUR\/Mtok at least/u)
    assert.match(text, /advice +lower: in 0\.05 EUR\/Mtok, out 0\.40 EUR\/Mtok/u)
    assert.match(text, /not below what the electricity costs/u)
  })

  test('tells what to ask for a model that nobody offers, as JSON, with exact amounts', async () => {
    body = { network: 'test', candidates: [], excluded: [] }
    const answer = JSON.parse(await run('--model', 'a/new-70b', '--json')) as {
      market: unknown[]
      own: { action: string; prices: { outputPrice: string }; reasons: string[] }[]
    }
    assert.deepEqual(answer.market, [])
    const [advice] = answer.own
    assert.equal(advice?.action, 'offer')
    assert.match(advice?.prices.outputPrice ?? '', /^\d{7}$/u)
    assert.match(advice?.reasons.at(-1) ?? '', /70 billion parameters/u)
  })

  test('makes no identity where there is none', async () => {
    body = { network: 'test', candidates: [offer('a', '1')], excluded: [] }
    assert.match(await run(), /No offers of your own/u)
    await assert.rejects(rm(join(folder, 'identity.key')), { code: 'ENOENT' })
  })

  test.each([{}, { network: 'x', candidates: [{}], excluded: [] }, null])(
    'says so when the gateway answers %j',
    async (said) => {
      body = said
      await assert.rejects(run(), { code: 'HANSE_GATEWAY_UNREACHABLE' })
    },
  )
})
