import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileParts } from '../cli/file-parts.ts'
import { importCard } from '../costs/import-card.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { NETWORK } from '../testing/market.ts'
import { recordedSpans } from './testing/recorded-spans.ts'
import { ANTHROPIC, LANGFUSE, LITELLM, OTLP, PLANTED } from './testing/samples.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/hanse-settlement.mjs', import.meta.url))

let folder: string
let settlement: Settlement
let url: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-imports-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({
    dataDir: folder,
    network: NETWORK,
    verifyThreads: 1,
    port: 0,
  })
  url = settlement.url
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Asked {
  readonly key?: string
  readonly body?: string | Buffer
  readonly type?: string
  readonly headers?: Record<string, string>
}

async function ask(path: string, { key, body, type, headers }: Asked = {}) {
  const response = await settlement.app.inject({
    method: body === undefined ? 'GET' : 'POST',
    url: path,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
  })
  return { status: response.statusCode, json: response.json() }
}

async function newKey(): Promise<{ organization: string; apiKey: string }> {
  const made = await ask('/v1/admin/organizations', {
    key: settlement.operatorToken,
    body: JSON.stringify({ name: 'Test GmbH' }),
  })
  return made.json
}

/** A day after which all samples are over. */
const OCTOBER = 'from=2026-10-01T00:00:00Z&to=2026-11-02T00:00:00Z'
const spend = async (key: string, query: string) =>
  (await ask(`/v1/spend?${OCTOBER}&${query}`, { key })).json

test('an exporter’s spans and a file become one view of all spend, and no prompt is stored', async () => {
  const { organization, apiKey: key } = await newKey()
  const { apiKey: stranger } = await newKey()
  const spans = { key, body: JSON.stringify(OTLP) }
  expect(await ask('/v1/otlp/v1/traces', spans)).toEqual({ status: 200, json: {} })
  expect(await ask('/v1/otlp/v1/traces', spans)).toEqual({ status: 200, json: {} })
  const packed = gzipSync(JSON.stringify(LITELLM))
  const upload = { key, body: packed, headers: { 'content-encoding': 'gzip' } }
  const dry = await ask('/v1/imports/litellm?dryRun=true', upload)
  expect(dry.json).toMatchObject({ accepted: 2, duplicates: 0, rejectedCount: 0 })
  expect((await ask('/v1/imports/litellm', upload)).json).toEqual(dry.json)
  expect((await ask('/v1/imports/litellm', upload)).json).toMatchObject({
    accepted: 0,
    duplicates: 2,
  })

  const { spend: sources } = await spend(key, 'group=source')
  expect(sources).toMatchObject([
    {
      key: 'litellm',
      requests: '2',
      costs: [{ currency: 'USD', basis: 'reported', amount: '0.000012345' }],
      unrated: { requests: '1', models: ['unknown/house-model'] },
    },
    { key: 'otlp', requests: '2', inputTokens: '1500', costs: [], unrated: { requests: '2' } },
  ])
  expect((await spend(stranger, 'group=source')).spend).toEqual([])
  const stored = await settlement.context.store.executeSql(
    'select to_jsonb(u)::text as row from external_usage u where organization = $1',
    [organization],
  )
  expect(stored.rows).toHaveLength(4)
  expect(JSON.stringify(stored.rows)).not.toContain(PLANTED)
})

test('spans as protobuf are taken as those of JSON are, and answered in protobuf, refusals too', async () => {
  const { organization, apiKey } = await newKey()
  const send = async (payload: Uint8Array, headers: Record<string, string> = {}, key = apiKey) => {
    const response = await settlement.app.inject({
      method: 'POST',
      url: '/v1/otlp/v1/traces',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/x-protobuf',
        ...headers,
      },
      payload: Buffer.from(payload),
    })
    expect(response.headers['content-type']).toBe('application/x-protobuf')
    const { statusCode: status, rawPayload } = response
    return { status, bytes: rawPayload, text: rawPayload.toString() }
  }
  const pack = (spans: ReturnType<typeof recordedSpans>) =>
    ProtobufTraceSerializer.serializeRequest(spans) ?? new Uint8Array()
  const recorded = recordedSpans(Date.parse('2026-10-20T08:00:00Z'))
  for (const packed of [pack(recorded), gzipSync(pack(recorded))]) {
    const isZip = packed[0] === 0x1f
    const answer = await send(packed, isZip ? { 'content-encoding': 'gzip' } : {})
    expect(answer).toMatchObject({ status: 200, text: '' })
  }
  expect((await spend(apiKey, 'group=source')).spend).toMatchObject([
    { key: 'otlp', requests: '2', outputTokens: '60', costs: [{ amount: '2.00123' }] },
  ])
  const stored = await settlement.context.store.executeSql(
    'select to_jsonb(u)::text as row from external_usage u where organization = $1',
    [organization],
  )
  expect(stored.rows).toHaveLength(3)
  expect(JSON.stringify(stored.rows)).not.toContain(PLANTED)

  const again = recordedSpans(Date.parse('2026-10-20T09:00:00Z'))
  for (const span of again) span.attributes['gen_ai.usage.output_tokens'] = -5
  const partial = await send(pack(again))
  expect(partial.status).toBe(200)
  expect(ProtobufTraceSerializer.deserializeResponse(partial.bytes)).toEqual({
    partialSuccess: {
      rejectedSpans: 3,
      errorMessage: 'HANSE_IMPORT_FIELD: gen_ai.usage.output_tokens: not a count',
    },
  })
  const garbage = await send(Buffer.from(PLANTED))
  expect([garbage.status, garbage.text]).toEqual([
    400,
    expect.stringContaining('HANSE_IMPORT_FORMAT: not OTLP as protobuf'),
  ])
  expect(garbage.text).not.toContain(PLANTED)
  const nobody = await send(pack(recorded), {}, 'hanse_nobody')
  expect([nobody.status, nobody.text]).toEqual([
    401,
    expect.stringContaining('HANSE_UNAUTHENTICATED'),
  ])
  const large = gzipSync(Buffer.alloc(9 * 1024 * 1024))
  const refused = await send(large, { 'content-encoding': 'gzip' })
  expect([refused.status, refused.text]).toEqual([
    413,
    expect.stringContaining('HANSE_REQUEST_TOO_LARGE'),
  ])
})

test('what no cost was reported for is rated by the cards that were in force', async () => {
  const { organization, apiKey: key } = await newKey()
  const prices = {
    input: '3',
    cached_input: '0.3',
    cache_write_5m: '3.75',
    cache_write_1h: '6',
    output: '15',
  }
  await importCard(settlement.context, {
    owner: organization,
    source: 'contract',
    actor: 'test',
    accept: true,
    text: JSON.stringify({
      format: 'hanse-rate-card/1',
      card: 'anthropic',
      publisher: 'Anthropic',
      currency: 'USD',
      effectiveFrom: '2026-10-01',
      source: 'contract',
      retrieved: '2026-10-01',
      verified: true,
      models: { 'claude-sonnet-4-5': { prices, billedAs: { reasoning: 'output' } } },
    }),
  })
  const body = JSON.stringify(ANTHROPIC)
  expect((await ask('/v1/imports/anthropic', { key, body })).json).toMatchObject({ accepted: 1 })
  const { spend: models } = await spend(key, 'group=model')
  // 1500 × 3 + 200 × 0.3 + 500 × 3.75 + 1000 × 6 + 500 × 15, for a million.
  expect(models).toMatchObject([
    {
      key: 'claude-sonnet-4-5',
      costs: [{ currency: 'USD', basis: 'rated', amount: '0.019935' }],
      unrated: { requests: '0', inputTokens: '0', models: [] },
    },
  ])
})

test('bodies that are too large, of another type or by a key without the scope are refused', async () => {
  const { apiKey: key } = await newKey()
  expect((await ask('/v1/otlp/v1/traces', { key, body: 'x', type: 'text/plain' })).status).toBe(415)
  expect((await ask('/v1/otlp/v1/traces', { key, body: '{' })).json).toMatchObject({
    code: 'HANSE_IMPORT_FORMAT',
  })
  const large = gzipSync(Buffer.alloc(9 * 1024 * 1024, 0x20))
  const headers = { 'content-encoding': 'gzip' }
  expect((await ask('/v1/otlp/v1/traces', { key, body: large, headers })).status).toBe(413)
  const broken = await ask('/v1/imports/litellm', { key, body: 'not gzip', headers })
  expect(broken.json).toMatchObject({ accepted: 0, stopped: { code: 'HANSE_IMPORT_FORMAT' } })
  expect((await ask('/v1/imports/csv', { key, body: 'a\n' })).status).toBe(400)
  expect((await ask('/v1/imports/litellm', { body: '[]' })).status).toBe(401)
  expect((await ask('/v1/imports/litellm?source=hanse', { key, body: '[]' })).status).toBe(400)
  const reader = await ask('/v1/keys', {
    key,
    body: JSON.stringify({ name: 'r', scopes: ['read'] }),
  })
  const readOnly: string = reader.json.apiKey
  expect((await ask('/v1/imports/litellm', { key: readOnly, body: '[]' })).status).toBe(403)
  expect((await ask('/v1/bills', { key: readOnly })).status).toBe(200)
})

test('a bill is compared with what was metered, and a difference is explained until it changes', async () => {
  const { apiKey: key } = await newKey()
  const { apiKey: stranger } = await newKey()
  const mapping = {
    id: 'id',
    at: 'at',
    provider: '=acme',
    model: 'model',
    inputTokens: 'i',
    cost: 'c',
    currency: '=EUR',
  }
  const usage = (rows: string[]) =>
    ask(`/v1/imports/csv?mapping=${encodeURIComponent(JSON.stringify(mapping))}`, {
      key,
      body: ['id,at,model,i,c', ...rows].join('\n'),
    })
  await usage([
    '1,2026-10-02,Large,5,10.004',
    '2,2026-10-03,large,5,2.5',
    '3,2026-10-04,tiny,5,1',
    '4,2026-09-30,tiny,5,7',
  ])
  const head = {
    provider: 'Acme',
    reference: 'R-1',
    currency: 'eur',
    periodStart: '2026-10-01',
    periodEnd: '2026-11-01',
  }
  const lines = [
    { model: 'large', sku: 'in', amount: '10.00' },
    { model: 'large', sku: 'out', amount: '2.50' },
    { model: 'support', amount: '4.00' },
  ]
  const body = JSON.stringify({ ...head, lines })
  const made = await ask('/v1/bills', { key, body })
  expect(made.json).toMatchObject({
    bill: { provider: 'acme', currency: 'EUR' },
    comparison: {
      billed: '16.5',
      metered: '13.504',
      difference: '2.996',
      percent: '18.16',
      open: 2,
    },
  })
  const statuses = made.json.comparison.lines.map((line: Record<string, unknown>) => [
    line.model,
    line.status,
    line.difference,
    line.percent,
    line.state,
  ])
  expect(statuses).toEqual([
    ['large', 'matched', '-0.004', '-0.03', null],
    ['support', 'not-metered', '4', '100', 'open'],
    ['tiny', 'not-billed', '-1', null, 'open'],
  ])
  expect((await ask('/v1/bills', { key, body })).json).toEqual(made.json)
  const other = JSON.stringify({ ...head, lines: lines.slice(1) })
  expect((await ask('/v1/bills', { key, body: other })).json).toMatchObject({
    code: 'HANSE_BILL_EXISTS',
  })
  const query = new URLSearchParams(head).toString()
  const csv = 'sku;model;amount\nin;large;10.00\nout;large;2.50\n;support;4.00\n'
  expect((await ask(`/v1/bills/csv?${query}`, { key, body: csv, type: 'text/csv' })).json).toEqual(
    made.json,
  )
  const comma = await ask(`/v1/bills/csv?${query}`, {
    key,
    body: 'amount;model\n4,00;x\n',
    type: 'text/csv',
  })
  expect(comma.json).toMatchObject({
    code: 'HANSE_IMPORT_DECIMAL_COMMA',
    detail: expect.stringContaining('line 2'),
  })

  const { id } = made.json.bill
  const decide = (model: string, state: string) =>
    ask(`/v1/bills/${id}/decisions`, {
      key,
      body: JSON.stringify({ model, state, reason: 'a free trial' }),
    })
  const decided = await decide('tiny', 'explained')
  const tiny = {
    model: 'tiny',
    state: 'explained',
    decision: { reason: 'a free trial', actor: expect.stringMatching(/^key:/u) },
  }
  expect(decided.json.comparison).toMatchObject({ open: 1, lines: [{}, {}, tiny] })
  expect((await decide('support', 'accepted')).json.comparison.open).toBe(0)
  expect((await decide('nothing', 'accepted')).status).toBe(404)
  await usage(['5,2026-10-05,tiny,5,1'])
  const after = await ask(`/v1/bills/${id}`, { key })
  expect(after.json.comparison.lines[2]).toMatchObject({
    difference: '-2',
    state: 'open',
    decision: { difference: '-1' },
  })
  expect((await ask(`/v1/bills/${id}`, { key: stranger })).status).toBe(404)
  expect((await ask('/v1/bills', { key })).json.bills).toHaveLength(1)
  expect((await ask('/v1/bills', { key: stranger })).json.bills).toEqual([])
})

test('the program sends a file, says what came of it, and ends with 2 when lines were rejected', async () => {
  const { apiKey: key } = await newKey()
  const file = join(folder, 'logs.jsonl')
  await writeFile(
    file,
    `${LITELLM.map((row) => JSON.stringify(row)).join('\n')}\n{"request_id":1}\n`,
  )
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [PROGRAM, 'import', ...args, '--service', url], {
      cwd: folder,
      env: { PATH: process.env.PATH, HANSE_ORGANIZATION_KEY: key },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [output, errors] = ['', '']
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    const [code] = (await once(child, 'close')) as [number]
    return { code, output, errors }
  }
  const first = await run(file, '--format', 'litellm')
  expect(first).toMatchObject({ code: 2, errors: '' })
  expect(JSON.parse(first.output)).toMatchObject({
    accepted: 2,
    rejected: [{ line: 3, code: 'HANSE_IMPORT_FIELD' }],
  })
  // Tables come in either form, and the program sees which it is.
  const table = join(folder, 'observations.csv')
  const row = LANGFUSE[0] ?? {}
  const quoted = (cells: readonly unknown[]) =>
    cells.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(',')
  const cells = Object.values(row).map((v) => (typeof v === 'object' ? JSON.stringify(v) : v))
  await writeFile(table, `${quoted(Object.keys(row))}\n${quoted(cells)}\n`)
  const second = await run(table, '--format', 'langfuse')
  expect(second).toMatchObject({ code: 0, errors: '' })
  expect(JSON.parse(second.output)).toMatchObject({ accepted: 1, rejectedCount: 0 })
}, 180_000)

test('a file is cut between its records, and lines are those of the file', async () => {
  const file = join(folder, 'parts.csv')
  const rows = Array.from({ length: 40 }, (_, i) => `${i},"a\nb,${'x'.repeat(i)}"`)
  await writeFile(file, ['id,text', ...rows].join('\n'))
  let text = ''
  for await (const { bytes, linesBefore } of fileParts(file, { isCsv: true, bytes: 200 })) {
    const part = Buffer.from(bytes).toString()
    expect(part.startsWith('id,text\n')).toBe(true)
    const body = part.slice('id,text\n'.length)
    // The first record of a part is on its second line.
    expect(linesBefore + 2).toBe(2 + text.split('\n').length - 1)
    expect((body.match(/"/gu)?.length ?? 0) % 2).toBe(0)
    text += body
  }
  expect(text).toBe(rows.join('\n'))
})

test('every route is in the description of the API', async () => {
  const { paths } = (await ask('/openapi.json')).json
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/v1/imports/{format}',
      '/v1/otlp/v1/traces',
      '/v1/spend',
      '/v1/bills',
      '/v1/bills/csv',
      '/v1/bills/{id}',
      '/v1/bills/{id}/decisions',
    ]),
  )
})
