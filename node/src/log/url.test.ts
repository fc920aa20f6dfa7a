import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { temporaryFolder, testSigner, writeLogFolder } from './testing/log-folder.ts'
import { fetchResource, urlSource } from './url.ts'
import { verifyLog } from './verify-log.ts'

const { vkey } = testSigner()

interface Site extends AsyncDisposable {
  readonly url: string
  readonly requests: string[]
}

async function serve(handle: http.RequestListener): Promise<Site> {
  const requests: string[] = []
  const server = http.createServer((request, response) => {
    requests.push(request.url ?? '')
    handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const serveFolder =
  (folder: string, absent = 404): http.RequestListener =>
  (request, response) => {
    try {
      response.end(readFileSync(join(folder, request.url ?? '')))
    } catch {
      response.writeHead(absent).end()
    }
  }

async function codesOf(url: string): Promise<unknown[]> {
  const { report } = await verifyLog(urlSource(url, { timeoutMs: 500, retryMs: 1 }), { vkey })
  return report.checks.filter(({ status }) => status === 'failed').map(({ code }) => code)
}

describe('a log at an address', () => {
  test.each([403, 404, 410])(
    'verifies from a server that answers %i for what it has not',
    async (absent) => {
      using folder = temporaryFolder()
      await writeLogFolder(folder.path, 300)
      await using site = await serve(serveFolder(folder.path, absent))
      for (const address of [site.url, `${site.url}/`, `${site.url}//`]) {
        assert.deepEqual(await codesOf(address), [])
      }
    },
  )

  test('may be below a path, and move within http', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.at('new/log'), 9)
    await using site = await serve((request, response) => {
      if (!request.url?.startsWith('/old/')) return serveFolder(folder.path)(request, response)
      return response.writeHead(301, { location: `/new/${request.url.slice(5)}` }).end()
    })
    assert.deepEqual(await codesOf(`${site.url}/old/log`), [])
  })

  test.each(['file:///etc/hosts', 'ftp://127.0.0.1/x', 'data:text/plain,x', 'http://', ''])(
    'is not followed to %j',
    async (location) => {
      await using site = await serve((_, response) => response.writeHead(302, { location }).end())
      assert.deepEqual(await codesOf(site.url), ['HANSE_LOG_TILE_MISSING'])
      assert.ok(site.requests.length <= 4)
    },
  )

  test('is not waited for for ever, nor read for ever', async () => {
    await using silent = await serve(() => {})
    assert.deepEqual(await codesOf(silent.url), ['HANSE_LOG_TILE_MISSING'])
    await using slow = await serve((_, response) => {
      response.writeHead(200)
      response.write('log.example')
    })
    assert.deepEqual(await codesOf(slow.url), ['HANSE_LOG_TILE_MISSING'])
    let sent = 0
    await using endless = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    assert.deepEqual(await codesOf(endless.url), ['HANSE_LOG_TILE'])
    assert.ok(sent < 16 << 20, `${sent} bytes`)
  })

  test('is asked again when its server is overloaded, and not for ever', async () => {
    let failures = 2
    await using site = await serve((_, response) => {
      if (failures-- > 0) response.writeHead(503).end()
      else response.end('body')
    })
    const get = async () => await fetchResource(site.url, 'checkpoint', { retryMs: 1 })
    assert.deepEqual(await get(), new TextEncoder().encode('body'))
    failures = 3
    await assert.rejects(get(), /answered 503/u)
    failures = 0
  })

  test('that nobody serves says so', async () => {
    const site = await serve(() => {})
    await site[Symbol.asyncDispose]()
    assert.deepEqual(await codesOf(site.url), ['HANSE_LOG_TILE_MISSING'])
  })

  test.each(['', 'x', '/tmp', 'ftp://x', 'http://x?y', 'http://x#y', 'javascript:1'])(
    'is no address when it is %j',
    (address) => {
      assert.throws(() => urlSource(address), { code: 'HANSE_CONFIG_INVALID' })
    },
  )
})
