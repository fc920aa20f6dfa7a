import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createGateway,
  detectEngines,
  EngineSet,
  openDetectedEngine,
  openEngineAt,
  openGate,
} from '@hanse/node'
import { afterEach, describe, test } from 'vitest'
import { startOllamaDouble } from '../support/ollama-double.ts'
import { startVllmDouble } from '../support/vllm-double.ts'
import { hello, outcomeOf, requestOf } from './engine-runs.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

function keep<Opened extends AsyncDisposable>(each: Opened): Opened {
  opened.push(each)
  return each
}

async function serve(listener: RequestListener): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim())
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  keep({
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

const portOf = (url: string): number => Number(new URL(url).port)

test('engines are found by their ports and answers, asked by GET alone, and then serve together', async () => {
  const ollama = keep(await startOllamaDouble({ tokens: 3 }))
  const vllm = keep(await startVllmDouble({ tokens: 3 }))
  const ports = [portOf(ollama.url), portOf(vllm.url)]
  const found = await detectEngines({ ports })
  assert.deepEqual(
    found.map(({ kind, name, version, url, models }) => [kind, name, version, url, models.length]),
    [
      ['ollama', 'Ollama', '0.12.11', ollama.url, 2],
      ['vllm', 'vLLM', '0.11.0', vllm.url, 1],
    ],
  )
  assert.equal(ollama.counts.others + vllm.counts.others, 0)
  const engines = keep(new EngineSet(found.map((each) => openDetectedEngine(each, {}))))
  const { models, troubles } = await engines.models()
  assert.deepEqual(troubles, [])
  assert.deepEqual(
    models.map(({ engine, model }) => [engine.name, model.id]),
    [
      ['ollama', 'llama3.2:3b'],
      ['ollama', 'nomic-embed-text:latest'],
      ['vllm', 'double/vllm-1b'],
    ],
  )
  for (const { engine, model } of models) {
    if (!model.capabilities.includes('chat')) continue
    assert.equal((await outcomeOf(engine, requestOf('chat', model.id, hello))).text, ' t0 t1 t2')
  }
})

test('an engine that is gone does not take the others down', async () => {
  const vllm = await startVllmDouble()
  const ollama = keep(await startOllamaDouble())
  const found = await detectEngines({ ports: [portOf(vllm.url), portOf(ollama.url)] })
  const engines = keep(new EngineSet(found.map((each) => openDetectedEngine(each, {}))))
  await vllm.close()
  const { models, troubles } = await engines.models()
  assert.equal(models.length, 2)
  assert.deepEqual(
    troubles.map(({ engine }) => engine.name),
    ['vllm'],
  )
  const ready = (await engines.health()).map(({ health }) => health.ready)
  assert.deepEqual(ready, [false, true])
})

test('a key is shown to the URL that the owner named, and to no other', async () => {
  const guessed = await serve((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"Unauthorized"}')
  })
  const vllm = keep(await startVllmDouble({ apiKey: 'secret', tokens: 2 }))
  const options = { ports: [guessed.port, portOf(vllm.url)], apiKey: 'secret' }
  const [closed] = await detectEngines(options)
  assert.deepEqual([closed?.kind, closed?.needsKey, closed?.models], ['vllm', true, []])
  assert.ok(guessed.seen.length > 0 && guessed.seen.every((line) => !line.includes('secret')))
  const [named] = await detectEngines({ ...options, urls: [`${vllm.url}/v1`] })
  assert.deepEqual([named?.needsKey, named?.models], [false, ['double/vllm-1b']])
  const engine = keep(await openEngineAt(`${vllm.url}/v1`, { apiKey: 'secret' }))
  const done = await outcomeOf(engine, requestOf('chat', 'double/vllm-1b', hello))
  assert.equal(done.text, ' t0 t1')
})

describe('nothing is found', () => {
  test('where Hanse’s own gateway listens, with a key or without', async () => {
    for (const apiKey of [undefined, 'key']) {
      const gateway = await createGateway(gatewayOptions(apiKey))
      keep({ [Symbol.asyncDispose]: async () => await gateway.close() })
      const url = await gateway.listen({ host: '127.0.0.1', port: 0 })
      const listed = await fetch(`${url}/v1/models`)
      assert.equal(listed.status, apiKey === undefined ? 200 : 401)
      assert.deepEqual(await detectEngines({ ports: [portOf(url)] }), [])
    }
  })

  test('behind a redirect, which is not followed', async () => {
    const vllm = keep(await startVllmDouble())
    const { port } = await serve((request, response) => {
      response.writeHead(307, { location: vllm.url + (request.url ?? '') }).end()
    })
    assert.deepEqual(await detectEngines({ ports: [port] }), [])
  })

  test('where answers never come, or never end, and the look is over in time', async () => {
    const silent = await serve(() => {})
    const endless = await serve((_request, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        response.once('drain', more)
      }
      more()
    })
    const started = performance.now()
    const ports = [silent.port, endless.port]
    assert.deepEqual(await detectEngines({ ports, timeoutMs: 300 }), [])
    // Bounded by the wait; how long a busy machine takes beyond it is not said.
    assert.ok(performance.now() - started >= 290)
    assert.deepEqual(silent.seen, ['GET /v1/models'])
  })

  test('where nobody listens', async () => {
    const gone = await startVllmDouble()
    await gone.close()
    assert.deepEqual(await detectEngines({ ports: [portOf(gone.url)] }), [])
    await assert.rejects(openEngineAt(gone.url), { code: 'HANSE_ENGINE_UNAVAILABLE' })
  })
})

type GatewayOptions = Parameters<typeof createGateway>[0]

/** A gateway that has no offers yet, which looks most like another engine. */
function gatewayOptions(apiKey: string | undefined): GatewayOptions {
  const consumer = { match: async () => ({ candidates: [], excluded: [] }) }
  return {
    consumer,
    gate: openGate(apiKey),
    health: () => ({ peerId: '12D3KooWGateway', connections: 0 }),
  } as unknown as GatewayOptions
}
