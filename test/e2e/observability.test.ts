import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { BUILT_IN_NAME } from '@hanse/node'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { hanse } from '../support/hanse.ts'
import { NatLab } from '../support/nat-lab.ts'
import { type OtlpDouble, openOtlpDouble, type ReceivedSpan } from '../support/otlp-double.ts'

const SECRET_WORD = 'rhododendron'
const TRACE = 'ab'.repeat(16)
const PARENT = 'cd'.repeat(8)

const stack = new AsyncDisposableStack()
let collector: OtlpDouble
let url: string
let metricsUrl: string
let providers: readonly string[]

beforeAll(async () => {
  collector = stack.use(await openOtlpDouble())
  const lab = stack.use(new NatLab())
  const { addresses } = await lab.relay(['/ip4/127.0.0.1/tcp/0'])
  const [bootstrap = ''] = addresses
  const telemetry = ['--otlp-endpoint', collector.url, '--metrics-every-ms', '500']
  providers = await Promise.all([
    lab.smallProvider('provider-one', bootstrap, telemetry),
    lab.smallProvider('provider-two', bootstrap, telemetry),
  ])
  const watched = [...telemetry, '--metrics-port', '0', '--spot-check-percent', '100']
  const gateway = await lab.startGateway(bootstrap, watched)
  url = gateway.url
  metricsUrl = gateway.metricsUrl
  await until(async () => {
    const { candidates } = (await json('/hanse/v1/offers')) as { candidates: unknown[] }
    return candidates.length === 2
  })
})

afterAll(async () => await stack.disposeAsync())

interface SpotCheckRow {
  readonly divergence: number
  readonly differ: boolean
  readonly answers: readonly { readonly provider: string; readonly session: string }[]
}

async function ask(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: BUILT_IN_NAME,
      messages: [{ role: 'user', content: `What is the capital of France? ${SECRET_WORD}` }],
      max_tokens: 12,
      ...body,
    }),
  })
}

async function json(path: string): Promise<unknown> {
  return await (await fetch(url + path)).json()
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await condition()); ) {
    if (Date.now() > end) assert.fail('it did not come true within 30 s')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('one trace', () => {
  test('goes from the client over the gateway to the provider that answered', async () => {
    const response = await ask({}, { traceparent: `00-${TRACE}-${PARENT}-01` })
    assert.equal(response.status, 200)
    const session = response.headers.get('x-hanse-session')
    await response.text()
    const own = (): ReceivedSpan[] => collector.spans.filter(({ traceId }) => traceId === TRACE)
    await until(() => own().length >= 3)
    const [http, inference, served] = [
      own().find(({ parentSpanId }) => parentSpanId === PARENT),
      own().find(({ service, kind }) => service === 'hanse-gateway' && kind === 3),
      own().find(
        ({ service, attributes }) =>
          service === 'hanse-provider' && attributes['hanse.session'] === session,
      ),
    ]
    assert.equal(http?.name, 'POST /v1/chat/completions')
    assert.equal(http.attributes['http.response.status_code'], 200)
    assert.equal(inference?.parentSpanId, http.spanId)
    assert.equal(inference.attributes['gen_ai.operation.name'], 'chat')
    assert.equal(inference.attributes['gen_ai.provider.name'], 'hanse')
    assert.ok(Number(inference.attributes['gen_ai.usage.output_tokens']) > 0)
    assert.equal(served?.parentSpanId, inference.spanId)
    assert.equal(
      served.attributes['gen_ai.usage.output_tokens'],
      inference.attributes['gen_ai.usage.output_tokens'],
    )
  })

  test('is begun by the gateway where the client has none, and ends with the code of what went wrong', async () => {
    const response = await ask({ model: 'nobody/has-it' })
    assert.equal(response.status, 404)
    await until(() =>
      collector.spans.some(({ attributes }) => attributes['error.type'] === 'HANSE_MODEL_UNKNOWN'),
    )
  })

  test('and the metrics have the names of the conventions, and no word of a prompt', async () => {
    const names = [
      'gen_ai.client.operation.duration',
      'gen_ai.client.token.usage',
      'gen_ai.server.request.duration',
      'gen_ai.server.time_to_first_token',
    ]
    await until(() => names.every((name) => collector.metricNames.has(name)))
    assert.ok(!collector.raw().includes(SECRET_WORD))
  })
})

test('Prometheus reads requests, sessions, tokens and cost of the gateway', async () => {
  await (await ask({ stream: true })).text()
  let text = ''
  await until(async () => {
    text = await (await fetch(`${metricsUrl}/metrics`)).text()
    return /hanse_gateway_requests_total\{operation="chat",status="200",code=""\} [1-9]/u.test(text)
  })
  assert.match(
    text,
    /hanse_gateway_requests_total\{operation="chat",status="404",code="HANSE_MODEL_UNKNOWN"\} 1/u,
  )
  assert.match(text, /hanse_gateway_sessions_total\{reason="(?:completed|length)"\} [1-9]/u)
  assert.match(text, /gen_ai_client_operation_time_to_first_chunk_seconds_count\{[^}]+\} 1/u)
  assert.match(text, /hanse_gateway_cost_pico_euros_total\{[^}]+\} [1-9]/u)
  assert.match(text, /hanse_gateway_requests_running 0/u)
  assert.equal((await fetch(`${metricsUrl}/ready`)).status, 200)
  assert.ok(!text.includes(SECRET_WORD))
})

test('a greedy answer is asked for again at the other provider, and the evidence names both', async () => {
  const response = await ask({ temperature: 0 })
  const session = response.headers.get('x-hanse-session') ?? ''
  await response.text()
  let found: SpotCheckRow | undefined
  await until(async () => {
    const { data } = (await json('/hanse/v1/spot-checks')) as { data: SpotCheckRow[] }
    found = data.find(({ answers }) => answers[0]?.session === session)
    return found !== undefined
  })
  assert.ok(found !== undefined)
  assert.equal(found.differ, false)
  assert.equal(found.divergence, 0)
  assert.deepEqual(new Set(found.answers.map(({ provider }) => provider)), new Set(providers))
  const { sessions } = (await json('/hanse/v1/sessions')) as {
    sessions: { session: string; peer: string }[]
  }
  const second = sessions.find((row) => row.session === found?.answers[1]?.session)
  assert.equal(second?.peer, found.answers[1]?.provider)

  const listed = await hanse(['receipts', 'checks', '--gateway-url', url], tmpdir())
  assert.match(listed.stdout, /^WHEN +MODEL +RESULT +DIVERGENCE/u)
  assert.match(listed.stdout, new RegExp(`agree +0\\.00% .* ${session} `, 'u'))
})
