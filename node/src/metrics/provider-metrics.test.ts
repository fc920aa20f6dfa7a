import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HanseError, picoEuro } from '@hanse/protocol'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { exampleStatus } from '../control/testing/example-status.ts'
import type { ProviderStatus } from '../provider/status.ts'
import { METRICS } from './metric-table.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'
import type { EndedSession } from './provider-events.ts'
import { ProviderMetrics } from './provider-metrics.ts'
import { providerProbe } from './provider-probe.ts'
import { ProviderStatistics } from './provider-statistics.ts'

const log = pino({ level: 'silent' })
const MODEL = 'qwen/qwen3-8b:q4'
const ended: EndedSession = {
  session: 'one',
  trace: null,
  startedAt: 0,
  model: MODEL,
  kind: 'chat',
  reason: 'completed',
  durationMs: 3_000,
  firstTokenMs: 1_000,
  inputTokens: 50,
  outputTokens: 21,
  earned: picoEuro(7_000_000n),
}

let metrics: ProviderMetrics
let status: () => Promise<ProviderStatus>
let server: MetricsServer

beforeEach(async () => {
  metrics = new ProviderMetrics()
  status = async () => exampleStatus()
  server = await serveMetrics({
    host: '127.0.0.1',
    port: 0,
    probe: providerProbe(metrics, async () => await status(), log),
    log,
  })
})
afterEach(async () => await server[Symbol.asyncDispose]())

interface Scrape {
  readonly types: Map<string, string>
  readonly samples: Map<string, number>
}

/** Reads Prometheus' text format: every line is a comment of ours or a sample, and no sample comes twice. */
function parse(text: string): Scrape {
  const types = new Map<string, string>()
  const samples = new Map<string, number>()
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/u.exec(line)
    if (type !== null) {
      types.set(type[1] ?? '', type[2] ?? '')
      continue
    }
    if (/^# HELP \S+ .+$/u.test(line)) continue
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/u.exec(line)
    assert.ok(sample !== null, `not the exposition format: ${line}`)
    const [, name = '', labels = '', value] = sample
    assert.match(labels, /^(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*$/u)
    const key = labels === '' ? name : `${name}{${labels}}`
    assert.ok(!samples.has(key), `twice: ${key}`)
    samples.set(key, Number(value))
    // prom-client's own, before the event loop was measured for the first time.
    if (!name.startsWith('nodejs_')) assert.ok(!Number.isNaN(samples.get(key)), line)
  }
  return { types, samples }
}

async function scrape(): Promise<Scrape> {
  const response = await fetch(`${server.url}/metrics`)
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/u)
  return parse(await response.text())
}

describe('a scrape', () => {
  test('tells of sessions, rejections and earnings as soon as they happened', async () => {
    const statistics = new ProviderStatistics({ now: Date.now, metrics })
    for (let i = 0; i < 3; i++) statistics.orderReceived()
    statistics.rejected('HANSE_CAPACITY')
    statistics.accepted(MODEL, 250)
    statistics.accepted(MODEL, 0)
    statistics.firstToken(MODEL, 'chat', 1_000)
    statistics.tokens(MODEL, 20)
    statistics.tokens(MODEL, 1)
    statistics.sessionEnded(ended)
    statistics.sessionEnded({ ...ended, reason: 'engine-failed', outputTokens: 0 })
    const { samples } = await scrape()
    const at = (key: string) => samples.get(key)
    const model = `model_name="${MODEL}"`
    assert.equal(at('hanse:orders_total'), 3)
    assert.equal(at('hanse:order_rejections_total{code="HANSE_CAPACITY"}'), 1)
    assert.equal(at(`hanse:sessions_total{${model}}`), 2)
    assert.equal(at(`hanse:request_success_total{${model},finished_reason="stop"}`), 1)
    assert.equal(at(`hanse:request_failures_total{${model},code="HANSE_ENGINE_FAILED"}`), 1)
    assert.equal(at(`hanse:prompt_tokens_total{${model}}`), 100)
    assert.equal(at(`hanse:generation_tokens_total{${model}}`), 21)
    assert.equal(at('hanse:earnings_pico_euros_total'), 14_000_000)
    assert.equal(at(`hanse:request_queue_time_seconds_sum{${model}}`), 0.25)
    assert.equal(at(`hanse:request_queue_time_seconds_count{${model}}`), 2)
    assert.equal(at(`hanse:time_to_first_token_seconds_bucket{le="0.75",${model}}`), 0)
    assert.equal(at(`hanse:time_to_first_token_seconds_bucket{le="1",${model}}`), 1)
    assert.equal(at(`hanse:request_time_per_output_token_seconds_sum{${model}}`), 0.1)
    assert.equal(at(`hanse:e2e_request_latency_seconds_bucket{le="2.5",${model}}`), 0)
    assert.equal(at(`hanse:e2e_request_latency_seconds_bucket{le="5",${model}}`), 2)
    const genAi = `gen_ai_operation_name="chat",gen_ai_provider_name="hanse",gen_ai_request_model="${MODEL}"`
    assert.equal(at(`gen_ai_server_time_to_first_token_seconds_count{${genAi}}`), 1)
    assert.equal(
      at(`gen_ai_server_request_duration_seconds_count{${genAi},error_type="HANSE_ENGINE_FAILED"}`),
      1,
    )
  })

  test('tells of the state at that moment, and of nothing that is gone', async () => {
    const first = await scrape()
    const at = (key: string) => first.samples.get(key)
    assert.equal(at(`hanse:num_requests_running{model_name="${MODEL}"}`), 2)
    assert.equal(at(`hanse:num_requests_waiting{model_name="${MODEL}"}`), 1)
    assert.equal(at('hanse:gpu_utilization_ratio{gpu="nvidia:0"}'), 0.87)
    assert.equal(at('hanse:gpu_utilization_ratio{gpu="nvidia:1"}'), undefined)
    assert.equal(at('hanse:state{state="serving"}'), 1)
    assert.equal(at('hanse:state{state="paused"}'), 0)
    assert.equal(at('hanse:receipts_unsettled'), 3)
    assert.equal(
      at(`hanse:model_price_euros_per_million_tokens{model_name="${MODEL}",direction="output"}`),
      0.2,
    )
    assert.ok((at('process_resident_memory_bytes') ?? 0) > 0)
    status = async () => exampleStatus({ state: 'paused', models: [], gpus: [] })
    const second = await scrape()
    assert.equal(second.samples.get('hanse:state{state="paused"}'), 1)
    for (const key of second.samples.keys()) {
      assert.ok(!key.startsWith('hanse:num_requests_running{'), key)
      assert.ok(!key.startsWith('hanse:gpu_utilization'), key)
    }
  })

  test('still tells what was counted when there is no status', async () => {
    metrics.orderReceived()
    status = async () => {
      throw new HanseError('HANSE_INTERNAL', 'no')
    }
    assert.equal((await scrape()).samples.get('hanse:orders_total'), 1)
  })

  test('never names a peer, and names no more models than a provider may have', async () => {
    for (let i = 0; i < 1_000; i++) metrics.accepted(`made-up/${i}`, 0)
    const { samples } = await scrape()
    const named = [...samples.keys()].filter((key) => key.startsWith('hanse:sessions_total{'))
    assert.equal(named.length, 257)
    assert.equal(samples.get('hanse:sessions_total{model_name="other"}'), 744)
    const { peerId, sessions } = exampleStatus()
    for (const peer of [peerId, ...sessions.map(({ consumer }) => consumer)])
      for (const key of samples.keys()) assert.ok(!key.includes(peer))
  })
})

describe('the names', () => {
  const UNITS =
    /_(?:total|seconds|bytes|celsius|watts|ratio|euros|tokens|info|running|waiting|slots|peers|level|unsettled|refused|reachable|ready|state|reachability|connections)$/u

  test('end in their unit, and counters alone in _total', () => {
    for (const [name, { type }] of Object.entries(METRICS)) {
      assert.match(name.replace(':', '_'), UNITS)
      assert.equal(name.endsWith('_total'), type === 'counter', name)
    }
  })

  test('are all in the guide, with their type, and none there is made up', () => {
    const guide = readFileSync(
      new URL('../../../docs/guides/operations.md', import.meta.url),
      'utf8',
    )
    const rows = [...guide.matchAll(/^\| `((?:hanse:|gen_ai_)[\w:]+)` \| (\w+) \|/gmu)]
    assert.equal(rows.length, Object.keys(METRICS).length)
    assert.deepEqual(
      Object.fromEntries(rows.map(([, name, type]) => [name, type])),
      Object.fromEntries(Object.entries(METRICS).map(([name, { type }]) => [name, type])),
    )
  })
})

describe('the metrics server', () => {
  test('says that it lives, whether it is ready, and what is missing', async () => {
    const get = async (path: string) => {
      const response = await fetch(`${server.url}${path}`)
      return { code: response.status, body: (await response.json()) as unknown }
    }
    assert.deepEqual(await get('/health'), { code: 200, body: { status: 'ok' } })
    assert.deepEqual(await get('/ready'), { code: 200, body: { ready: true, missing: [] } })
    status = async () =>
      exampleStatus({ state: 'paused', pausedBy: ['outside the schedule'], live: undefined })
    assert.deepEqual(await get('/ready'), {
      code: 503,
      body: {
        ready: false,
        missing: ['paused', 'outside the schedule', 'not announced on the market yet'],
      },
    })
    assert.equal((await get('/elsewhere')).code, 404)
    assert.equal((await fetch(`${server.url}/metrics`, { method: 'POST' })).status, 405)
  })

  test('on a port that is taken says so, with the setting to change', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = other.address() as AddressInfo
      await assert.rejects(
        serveMetrics({ host: '127.0.0.1', port, probe: providerProbe(metrics, status, log), log }),
        (error: HanseError) =>
          error.code === 'HANSE_ADDRESS_IN_USE' && error.message.includes('--metrics-port'),
      )
    } finally {
      await new Promise((resolve) => other.close(resolve))
    }
    await assert.rejects(
      serveMetrics({ host: '192.0.2.1', port: 0, probe: providerProbe(metrics, status, log), log }),
      {
        code: 'HANSE_CONFIG_INVALID',
      },
    )
  })
})
