import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig, readSecrets } from '../config/config.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { askService, originOf } from './ask-service.ts'

const NETWORK = 'test'
const JOBS = { method: 'GET', path: '/v1/admin/jobs' } as const
let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-ask-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK })
}, 60_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const ask = (port: number, flags: Record<string, unknown> = {}) => {
  const config = readConfig(
    { dataDir: folder, network: NETWORK, port: String(port), ...flags },
    {},
    folder,
  )
  return askService(config, readSecrets({}), JOBS)
}
const portOf = (url: string) => Number(new URL(url).port)

/** Somebody else's server; what it was asked. */
async function stranger(answer: RequestListener) {
  const tokens: (string | undefined)[] = []
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return {
    tokens,
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: stop,
  }
}

test('the service is asked once it has proven its key, and where nobody listens nobody is', async () => {
  expect(await ask(portOf(settlement.url))).toMatchObject({ jobs: expect.any(Array) })
  const gone = await stranger(() => undefined)
  gone[Symbol.dispose]()
  expect(await ask(gone.port)).toBeUndefined()
})

test('whoever else listens is not given the token, nor who passes the question on', async () => {
  using silent = await stranger((_request, response) => void response.end('{}'))
  using relay = await stranger((request, response) => {
    void fetch(`${settlement.url}${request.url}`)
      .then((answer) => answer.text())
      .then((text) => response.end(text))
  })
  using elsewhere = await stranger((request, response) => {
    response.writeHead(307, { location: `${settlement.url}${request.url}` }).end()
  })
  using broken = await stranger((request) => request.socket.destroy())
  for (const { port, tokens } of [silent, relay, elsewhere, broken]) {
    await expect(ask(port)).rejects.toMatchObject({ name: 'SettlementError' })
    expect(tokens.every((token) => token === undefined)).toBe(true)
  }
})

test('a service of another folder or another network is not asked', async () => {
  const port = portOf(settlement.url)
  for (const flags of [{ dataDir: join(folder, 'other') }, { network: 'other' }]) {
    await expect(ask(port, flags)).rejects.toMatchObject({ code: 'HANSE_CONFIG_INVALID' })
  }
})

test('an address of IPv6 is in brackets, and every address is this machine', () => {
  expect(originOf({ host: '::', port: 1 })).toBe('http://[::1]:1')
  expect(originOf({ host: 'fe80::2', port: 1 })).toBe('http://[fe80::2]:1')
  expect(originOf({ host: '0.0.0.0', port: 1 })).toBe('http://127.0.0.1:1')
  expect(originOf({ host: 'settle.example', port: 1 })).toBe('http://settle.example:1')
})
