import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { readWishes, type Wishes } from './policy.ts'

const PEER = '12D3KooWLpx1kJbUSwEkbCpmHeArxaE6xDipY8kJPNj3EPY8FyQk'
const read = (body: object, headers: Record<string, string> = {}): Wishes =>
  readWishes({ ...body }, new Headers(headers))

describe('how a client wants to be served', () => {
  test('is said in headers', () => {
    const { policy, tags, cache, cacheMs } = read(
      {},
      {
        'x-hanse-region': 'DE, FR',
        'x-hanse-min-level': '2',
        'x-hanse-evidence': 'latency, operator',
        'x-hanse-max-input-price': '0.20 EUR/Mtok',
        'x-hanse-max-output-price': '0.8',
        'x-hanse-sort': 'latency',
        'x-hanse-only': PEER,
        'x-hanse-allow-fallbacks': 'false',
        'x-hanse-models': 'a/b,c/d',
        'x-hanse-tags': 'team-a, batch',
        'x-hanse-deadline': '30s',
        'x-hanse-affinity': 'thread 7',
        'x-hanse-hedge': 'true',
        'x-hanse-cache': '60',
      },
    )
    assert.deepEqual(policy, {
      regions: ['DE', 'FR'],
      minLevel: 2,
      evidence: ['latency', 'operator'],
      maxInputPrice: 200_000n,
      maxOutputPrice: 800_000n,
      sort: 'latency',
      only: [PEER],
      allowFallbacks: false,
      models: ['a/b', 'c/d'],
      deadlineMs: 30_000,
      affinity: 'thread 7',
      hedge: true,
    })
    assert.deepEqual([tags, cache, cacheMs], [['team-a', 'batch'], true, 60_000])
  })

  test('or in the body, in one object of ours', () => {
    const hanse = {
      region: 'anywhere',
      max_price: { input: 0.2, output: '0.8 EUR/Mtok' },
      sort: 'price',
      ignore: [PEER],
      deadline: 1500,
      tags: ['x'],
      cache: false,
    }
    const { policy, tags, cache } = read({ hanse })
    assert.deepEqual(policy, {
      regions: [],
      maxInputPrice: 200_000n,
      maxOutputPrice: 800_000n,
      sort: 'price',
      ignore: [PEER],
      deadlineMs: 1500,
    })
    assert.deepEqual([tags, cache], [['x'], false])
  })

  test('or as clients say it to OpenRouter', () => {
    const { policy } = read({
      models: ['a/b'],
      session_id: 's1',
      prompt_cache_key: 'not this one',
      provider: {
        order: [PEER],
        allow_fallbacks: false,
        sort: { by: 'throughput', partition: 'none' },
        max_price: { prompt: '1', completion: 2 },
        require_parameters: true,
        data_collection: 'allow',
        zdr: false,
      },
    })
    assert.deepEqual(policy, {
      models: ['a/b'],
      affinity: 's1',
      order: [PEER],
      allowFallbacks: false,
      sort: 'throughput',
      maxInputPrice: 1_000_000n,
      maxOutputPrice: 2_000_000n,
    })
  })

  test('counts by who says it: a header, then our object, then the others’ fields', () => {
    const body = { hanse: { sort: 'price' }, provider: { sort: 'latency' } }
    assert.equal(read(body, { 'x-hanse-sort': 'throughput' }).policy.sort, 'throughput')
    assert.equal(read(body).policy.sort, 'price')
  })

  test.each<[object, Record<string, string>, string]>([
    [{}, { 'x-hanse-region': 'Europe' }, 'x-hanse-region'],
    [{}, { 'x-hanse-max-input-price': '1 USD/Mtok' }, 'x-hanse-max-input-price'],
    [{}, { 'x-hanse-only': 'openai' }, 'x-hanse-only'],
    [{}, { 'x-hanse-deadline': '0' }, 'x-hanse-deadline'],
    [{}, { 'x-hanse-deadline': '2 days' }, 'x-hanse-deadline'],
    [{ hanse: 'fast' }, {}, 'hanse'],
    [{ hanse: { sorted: 'price' } }, {}, 'hanse.sorted'],
    [{ hanse: { max_price: { prompt: 1 } } }, {}, 'hanse.max_price.prompt'],
    [{ hanse: { hedge: 'perhaps' } }, {}, 'hanse.hedge'],
    [{ provider: { zdr: true } }, {}, 'provider.zdr'],
    [{ provider: { data_collection: 'deny' } }, {}, 'provider.data_collection'],
    [{ provider: { quantizations: ['fp8'] } }, {}, 'provider.quantizations'],
    [{ models: [1] }, {}, 'models'],
  ])('is refused by name where it cannot be kept: %j %j', (body, headers, param) => {
    assert.throws(() => read(body, headers), { code: 'HANSE_REQUEST_INVALID', param })
  })
})
