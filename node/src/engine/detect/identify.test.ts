import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { parseJsonObject } from '../json.ts'
import { identify, type ProbeAnswer } from './identify.ts'
import { ollamaUrl, placesOf } from './places.ts'

type Answers = Readonly<Record<string, object | string | readonly [number, object]>>

function answering(answers: Answers, server = ''): ReturnType<typeof identify> {
  const map = new Map<string, ProbeAnswer>()
  for (const [path, answer] of Object.entries(answers)) {
    const [status, content] = Array.isArray(answer) ? (answer as [number, object]) : [200, answer]
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    map.set(path, { status, server, text, json: parseJsonObject(text) })
  }
  return identify(map)
}

const list = (...data: object[]) => ({ object: 'list', data })

describe('an engine is known by what no other says', () => {
  test.each([
    ['ollama', '0.12.11', { '/': 'Ollama is running', '/api/version': { version: '0.12.11' } }],
    [
      'llama.cpp',
      'b6000-abc',
      {
        '/props': { default_generation_settings: { n_ctx: 1 }, build_info: 'b6000-abc' },
      },
    ],
    ['llama.cpp', null, { '/v1/models': list({ id: 'm', owned_by: 'llamacpp' }) }],
    [
      'vllm',
      '0.11.0',
      {
        '/v1/models': list({ id: 'm', owned_by: 'vllm' }),
        '/version': { version: '0.11.0' },
      },
    ],
    ['tgi', '3.3.0', { '/info': { model_id: 'm', max_total_tokens: 4096, version: '3.3.0' } }],
    ['lm-studio', null, { '/api/v0/models': list({ id: 'm', compatibility_type: 'gguf' }) }],
    [
      'localai',
      'v3.0.0',
      {
        '/system': { backends: [], loaded_models: [] },
        '/version': { version: 'v3.0.0' },
      },
    ],
    ['openai', null, { '/v1/models': list({ id: 'm', owned_by: 'me' }) }],
  ] as const)('%s %s', (kind, version, answers: Answers) => {
    const found = answering({ '/v1/models': list({ id: 'm' }), ...answers })
    assert.equal(found?.kind, kind)
    assert.equal(found?.version, version)
    assert.deepEqual(found?.models, ['m'])
    assert.equal(found?.needsKey, false)
  })

  test('llama.cpp that loads its model, by its server', () => {
    const loading = { error: { code: 503, message: 'Loading model' } }
    const found = answering({ '/v1/models': [503, loading] }, 'llama.cpp')
    assert.deepEqual([found?.kind, found?.models], ['llama.cpp', []])
  })

  test('vLLM that wants a key', () => {
    const answers: Answers = {
      '/v1/models': [401, { error: 'Unauthorized' }],
      '/version': { version: '0.11.0' },
    }
    const found = answering(answers, 'uvicorn')
    assert.deepEqual([found?.kind, found?.needsKey], ['vllm', true])
  })
})

describe('nothing is found in', () => {
  test.each([
    ['a web page', { '/v1/models': '<html>', '/': '<html>Ollama is running</html>' }],
    ['another program’s 404', { '/v1/models': [404, {}], '/version': { version: '1' } }],
    ['Hanse’s gateway, by its models', { '/v1/models': list({ id: 'm', hanse: { offers: 1 } }) }],
    [
      'an empty gateway, by its health',
      {
        '/v1/models': list(),
        '/healthz': { status: 'ok', peerId: '12D3KooX' },
      },
    ],
    [
      'a closed gateway, by its refusal',
      {
        '/v1/models': [401, { error: { code: 'HANSE_UNAUTHENTICATED' } }],
      },
    ],
    [
      'a gateway in front of Ollama’s words',
      {
        '/': 'Ollama is running',
        '/healthz': { peerId: '12D3KooX' },
      },
    ],
  ] as const)('%s', (_what, answers) => {
    assert.equal(answering(answers as Answers), undefined)
  })
})

test.each([
  [undefined, undefined],
  ['', undefined],
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:8080', 'http://127.0.0.1:8080'],
  [':5000', 'http://127.0.0.1:5000'],
  ['gpu-box', 'http://gpu-box:11434'],
  ['http://gpu-box:80', 'http://gpu-box'],
  ['https://ollama.example/base/', 'https://ollama.example/base'],
  ['[::]', 'http://127.0.0.1:11434'],
  ['a b', undefined],
])('OLLAMA_HOST %s is %s', (host, url) => assert.equal(ollamaUrl(host), url))

test('places are looked at once, the owner’s own first, and alone may see the key', () => {
  const urls = ['http://127.0.0.1:8000/v1/', 'http://gpu-box:8000']
  const places = placesOf({ urls, ports: [11434, 8000], ollamaHost: '127.0.0.1:11434' })
  assert.deepEqual(places, [
    { url: 'http://127.0.0.1:8000', named: true },
    { url: 'http://gpu-box:8000', named: true },
    { url: 'http://127.0.0.1:11434', named: false },
  ])
})
