import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, test } from 'vitest'
import { z } from 'zod'
import { askGateway, askGatewayJson } from './gateway-client.ts'

const ANSWERS: Readonly<Record<string, [number, Record<string, string>, string]>> = {
  '/busy': [
    429,
    { 'retry-after-ms': '1500' },
    JSON.stringify({
      error: {
        code: 'HANSE_RATE_LIMITED',
        message: 'too many requests. Wait as long as the answer says.',
      },
    }),
  ],
  '/html': [502, {}, '<html>bad gateway</html>'],
  '/other': [200, {}, '{"hello":"world"}'],
}
const server = createServer(({ url = '', headers }, response) => {
  const [status, more, body] = ANSWERS[url] ?? [200, {}, JSON.stringify(headers)]
  response.writeHead(status, more).end(body)
})
let gatewayUrl = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

test('a gateway gets the key, and says when to come again', async () => {
  const access = { gatewayUrl, apiKey: 'hk-1' }
  const headers = z.object({ authorization: z.string() })
  assert.deepEqual(await askGatewayJson(access, '/', headers), { authorization: 'Bearer hk-1' })
  await assert.rejects(askGateway(access, '/busy'), {
    code: 'HANSE_RATE_LIMITED',
    retryAfterMs: 1500,
  })
})

test.each(['/html', '/other'])(
  'another program in its place is a clear fault: %s',
  async (path) => {
    const asked = askGatewayJson(
      { gatewayUrl, apiKey: undefined },
      path,
      z.object({ data: z.null() }),
    )
    await assert.rejects(asked, { code: 'HANSE_GATEWAY_UNREACHABLE', message: /no gateway/u })
  },
)

test('nobody there is a fault with its address; a caller who gave up is another', async () => {
  const nobody = { gatewayUrl: 'http://127.0.0.1:1', apiKey: undefined }
  await assert.rejects(askGateway(nobody, '/'), {
    code: 'HANSE_GATEWAY_UNREACHABLE',
    message: 'no gateway answers at http://127.0.0.1:1',
  })
  const signal = AbortSignal.abort()
  await assert.rejects(askGateway(nobody, '/', { signal }), { code: 'HANSE_SESSION_CANCELLED' })
})
