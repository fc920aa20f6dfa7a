import { expect, test } from 'vitest'
import { importUpload } from '../import-upload.ts'
import {
  ANTHROPIC,
  AWS,
  AZURE,
  HELICONE,
  LANGFUSE,
  LANGFUSE_PAGE,
  LITELLM,
  LITELLM_PAYLOADS,
  OPENAI,
  OTLP,
  PLANTED,
} from '../testing/samples.ts'
import type { NewUsage } from '../write-usage.ts'
import type { FormatName } from './index.ts'

/** 2026-11-02T00:00:00Z */
const NOW = 1_793_577_600_000

/** Reads a file with what would be written. */
async function read(format: FormatName, file: string, mapping: Record<string, string> = {}) {
  const written: NewUsage[] = []
  const told: unknown[] = []
  const store = {
    emitEvents: async (events: readonly unknown[]) => void told.push(...events),
    addExternalUsage: async (_where: object, usage: readonly NewUsage[]) => {
      written.push(...usage)
      return usage.map(() => 'accepted')
    },
  }
  const context = { store, now: () => NOW } as unknown as Parameters<typeof importUpload>[0]
  async function* body() {
    const bytes = Buffer.from(file)
    for (let at = 0; at < bytes.length; at += 333) yield bytes.subarray(at, at + 333)
  }
  const upload = { organization: 'o', source: 's', format, mapping, isDryRun: false }
  const result = await importUpload(context, { ...upload, body: body() })
  expect(
    JSON.stringify([written, result, told], (_k, v) => (typeof v === 'bigint' ? `${v}` : v)),
  ).not.toContain('PLANTED')
  return { written, result, told }
}

/** As databases and Langfuse write it: columns of all rows, and JSON for what is no scalar. */
function csvOf(rows: readonly object[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const text = (value: unknown): string => {
    if (value === null || value === undefined) return ''
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
  const line = (cells: readonly string[]) =>
    cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')
  const body = rows.map((row) => line(names.map((name) => text((row as never)[name]))))
  return [line(names), ...body].join('\n')
}

test('spans of OpenTelemetry: requests alone, by the names of today and of before', async () => {
  for (const file of [JSON.stringify(OTLP), JSON.stringify(OTLP, null, 2)]) {
    expect(file).toContain(PLANTED)
    const { written, result } = await read('otlp', file)
    expect(result).toMatchObject({ accepted: 2, ignored: 2, rejectedCount: 0 })
    expect(written).toMatchObject([
      {
        id: '5b8efff798038103d269b633813fc60c:eee19b7ec3c1b174',
        at: 1_793_500_000_123,
        provider: 'openai',
        model: 'gpt-4o-2024-08-06',
        inputTokens: 1200n,
        cachedInputTokens: 200n,
        outputTokens: 40n,
        reasoningTokens: 8n,
        requests: 1n,
        cost: null,
        tags: { service: 'shop', environment: 'prod' },
      },
      { provider: 'anthropic', inputTokens: 300n, outputTokens: 20n },
    ])
  }
})

test('a span that is wrong does not keep its neighbours out', async () => {
  const file = structuredClone(OTLP) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[]
  }
  const spans = file.resourceSpans[0]?.scopeSpans[0]?.spans
  Object.assign(spans?.[0] ?? {}, { traceId: PLANTED })
  const { result } = await read('otlp', JSON.stringify(file))
  expect(result).toMatchObject({
    accepted: 1,
    rejected: [{ code: 'HANSE_IMPORT_FIELD', message: 'traceId: not 32 hexadecimal digits' }],
  })
})

test('what our gateway exports has its cost, and an answer from memory is no usage', async () => {
  const span = (id: string, replayed: boolean) => ({
    traceId: 'a'.repeat(32),
    spanId: id.repeat(16),
    kind: 3,
    startTimeUnixNano: '1793500000000000000',
    attributes: [
      { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } },
      { key: 'gen_ai.provider.name', value: { stringValue: 'hanse' } },
      { key: 'gen_ai.request.model', value: { stringValue: 'm/one' } },
      { key: 'gen_ai.usage.input_tokens', value: { intValue: 10 } },
      { key: 'gen_ai.usage.output_tokens', value: { intValue: 5 } },
      { key: 'hanse.replayed', value: { boolValue: replayed } },
      { key: 'hanse.cost_pico_euro', value: { stringValue: '1234567' } },
    ],
  })
  const file = { resourceSpans: [{ scopeSpans: [{ spans: [span('a', false), span('b', true)] }] }] }
  const { written, result } = await read('otlp', JSON.stringify(file))
  expect(result).toMatchObject({ accepted: 1, ignored: 1 })
  expect(written).toMatchObject([
    { provider: 'hanse', model: 'm/one', cost: { amount: '0.000001234567', currency: 'EUR' } },
  ])
})

test('spend logs of LiteLLM, as a list or in lines; a spend of 0 is no price', async () => {
  const lines = LITELLM.map((row) => JSON.stringify(row)).join('\n')
  for (const file of [JSON.stringify(LITELLM), lines, `${lines}\n`]) {
    const { written } = await read('litellm', file)
    expect(written).toMatchObject([
      {
        id: 'chatcmpl-9f1',
        at: Date.parse('2026-10-20T08:15:30.123Z'),
        provider: 'azure',
        model: 'gpt-4o',
        inputTokens: 130n,
        cachedInputTokens: 30n,
        outputTokens: 20n,
        cost: { amount: '0.000012345', currency: 'USD' },
        tags: { team: 'checkout', jobID: '214', nightly: 'true' },
        user: 'customer-7',
      },
      {
        id: 'chatcmpl-9f2',
        at: Date.parse('2026-10-20T08:16:00Z'),
        provider: 'unknown',
        cost: null,
      },
    ])
  }
  const broken = `${lines}\n{"request_id": "${PLANTED}\n${lines.replaceAll('9f', '8f')}`
  expect((await read('litellm', broken)).result).toMatchObject({
    accepted: 4,
    rejected: [{ line: 3, code: 'HANSE_IMPORT_FORMAT', message: 'not JSON' }],
  })
})

test('what LiteLLM’s loggers write to storage, with the parts of its tokens; a failure is no usage', async () => {
  const lines = LITELLM_PAYLOADS.map((row) => JSON.stringify(row)).join('\n')
  const { written, result } = await read('litellm', lines)
  expect(result).toMatchObject({ accepted: 2, ignored: 1, rejectedCount: 0 })
  expect(written).toMatchObject([
    {
      id: 'chatcmpl-7a1',
      at: 1_792_484_130_123,
      provider: 'anthropic',
      model: 'claude-sonnet-4-5',
      inputTokens: 1700n,
      cachedInputTokens: 500n,
      cacheWriteTokens: 1000n,
      longCacheWriteTokens: 600n,
      outputTokens: 40n,
      reasoningTokens: 12n,
      cost: { amount: '0.00021', currency: 'USD' },
      tags: { team: 'search' },
      key: 'b1946ac92492d2347c6235b4d2611184',
      user: 'dev-3',
    },
    { provider: 'together_ai', model: 'meta-llama/Llama-3.3-70B-Instruct-Turbo' },
  ])
  expect(Object.keys(written[0]?.tags ?? {})).toEqual(['team'])
})

test('spend logs of LiteLLM out of a database as CSV are the same as its JSON', async () => {
  const { written } = await read('litellm', JSON.stringify(LITELLM))
  const table = await read('litellm', csvOf(LITELLM))
  expect(table.written).toEqual(written)
  const broken = csvOf(LITELLM).replace('2026-10-20 08:16:00', 'yesterday')
  expect((await read('litellm', broken)).result).toMatchObject({
    accepted: 1,
    rejected: [{ line: 3, code: 'HANSE_IMPORT_FIELD' }],
  })
  expect((await read('litellm', 'neither of them')).result).toMatchObject({
    stopped: { code: 'HANSE_IMPORT_FORMAT', message: 'neither JSON nor CSV' },
  })
})

test('observations of Langfuse: its kinds of usage exclude each other, and only requests count', async () => {
  const lines = LANGFUSE.map((row) => JSON.stringify(row)).join('\n')
  for (const file of [JSON.stringify(LANGFUSE), lines, csvOf(LANGFUSE)]) {
    const { written, result } = await read('langfuse', file)
    expect(result).toMatchObject({ accepted: 2, ignored: 2, rejectedCount: 0 })
    expect(written).toMatchObject([
      {
        id: '0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331',
        at: Date.parse('2026-10-20T08:15:30.123Z'),
        provider: 'anthropic',
        model: 'claude-sonnet-4-5',
        inputTokens: 157n,
        cachedInputTokens: 20n,
        cacheWriteTokens: 37n,
        longCacheWriteTokens: 7n,
        outputTokens: 45n,
        reasoningTokens: 5n,
        requests: 1n,
        cost: { amount: '0.0016', currency: 'USD' },
        tags: { team: 'checkout', nightly: 'true', environment: 'production' },
        user: 'customer-7',
      },
      {
        provider: 'openai',
        model: 'text-embedding-3-small',
        inputTokens: 8n,
        outputTokens: 0n,
        otherTokens: { images: '2' },
        cost: null,
        user: null,
      },
    ])
  }
  const [first] = (await read('langfuse', JSON.stringify(LANGFUSE))).written
  const page = await read('langfuse', JSON.stringify(LANGFUSE_PAGE, null, 2))
  expect(page.written).toEqual([first])
})

test('an observation of Langfuse that is wrong is told by its line, and its neighbours count', async () => {
  const [good = {}] = LANGFUSE
  const rows = [
    good,
    { ...good, id: null },
    { ...good, id: 'c', start_time: 'today' },
    { ...good, id: 'd', usage_details: { input: 1.5 } },
    { ...good, id: 'e', usage_details: { input: -1 } },
    { ...good, id: 'f', provided_model_name: '' },
    { ...good, id: 'g', total_cost: PLANTED },
    { id: 'a score', timestamp: '2026-10-20 08:15:30', value: 1 },
  ]
  const { result } = await read('langfuse', rows.map((row) => JSON.stringify(row)).join('\n'))
  expect(result).toMatchObject({ accepted: 1, ignored: 0, rejectedCount: 7 })
  expect(result.rejected.map(({ line, message }) => [line, message])).toEqual([
    [2, 'id: missing'],
    [3, 'start_time: not a time as ISO 8601 writes it'],
    [4, 'usage_details: not a whole number'],
    [5, 'usage_details: not a count'],
    [6, 'model: missing'],
    [7, 'total_cost: not a decimal number'],
    [8, 'not an observation'],
  ])
})

test('requests of Helicone: what was cached and thought is beside the others there, and part of them here', async () => {
  const lines = HELICONE.map((row) => JSON.stringify(row)).join('\n')
  for (const file of [JSON.stringify(HELICONE), lines, JSON.stringify({ data: HELICONE })]) {
    const { written, result } = await read('helicone', file)
    expect(result).toMatchObject({ accepted: 3, ignored: 1, rejectedCount: 0 })
    expect(written).toMatchObject([
      {
        id: '0c1a7f5e-7d5f-4b44-9d55-6a2f0f6d2b11',
        at: Date.parse('2026-10-20T08:15:30.123Z'),
        provider: 'anthropic',
        model: 'claude-sonnet-4-5-20250929',
        inputTokens: 150n,
        cachedInputTokens: 20n,
        cacheWriteTokens: 30n,
        outputTokens: 45n,
        reasoningTokens: 5n,
        cost: { amount: '0.00162', currency: 'USD' },
        tags: { team: 'checkout' },
        user: 'customer-7',
      },
      { provider: 'custom', model: 'house-model', cost: null },
      { model: 'gpt-4o', inputTokens: 0n, cost: { amount: '0', currency: 'USD' } },
    ])
    expect(Object.keys(written[0]?.tags ?? {})).toEqual(['team'])
  }
  const [good = {}] = HELICONE
  const rows = [{ ...good, request_created_at: null }, { ...good, cost: '1,5' }, { id: 'x' }]
  const { result } = await read('helicone', JSON.stringify(rows))
  expect(result.rejected.map(({ line, code }) => [line, code])).toEqual([
    [1, 'HANSE_IMPORT_FIELD'],
    [2, 'HANSE_IMPORT_DECIMAL_COMMA'],
    [3, 'HANSE_IMPORT_FORMAT'],
  ])
})

test('images of OpenAI by size are several buckets, and storage is no use of a model', async () => {
  const bucket = { object: 'bucket', start_time: 1_792_800_000, end_time: 1_792_886_400 }
  const image = {
    object: 'organization.usage.images.result',
    images: 3,
    num_model_requests: 3,
    model: 'gpt-image-1',
    source: 'image.generation',
  }
  const results = [
    { ...image, size: '1024x1024' },
    { ...image, size: '256x256' },
    { object: 'organization.usage.vector_stores.result', usage_bytes: 1024 },
    { object: 'organization.usage.code_interpreter_sessions.result', num_sessions: 1 },
  ]
  const { written, result } = await read('openai', JSON.stringify({ ...bucket, results }))
  expect(result).toMatchObject({ accepted: 2, ignored: 2, rejectedCount: 0 })
  expect(written).toMatchObject([
    { model: 'gpt-image-1', otherTokens: { images: '3' }, requests: 3n },
    { model: 'gpt-image-1' },
  ])
  expect(new Set(written.map(({ id }) => id)).size).toBe(2)
})

test('buckets of OpenAI, but not those that still grow, and not its costs', async () => {
  const { written, result } = await read('openai', JSON.stringify(OPENAI, null, 1))
  expect(result).toMatchObject({ accepted: 2, rejected: [{ code: 'HANSE_IMPORT_OPEN' }] })
  expect(written).toMatchObject([
    {
      at: 1_792_800_000_000,
      provider: 'openai',
      model: 'gpt-4o-mini-2024-07-18',
      tier: 'batch',
      inputTokens: 5000n,
      cachedInputTokens: 4000n,
      outputTokens: 1000n,
      requests: 20n,
      otherTokens: { input_audio_tokens: '12' },
      tags: { project: 'proj_abc' },
      key: 'key_1',
    },
    { model: 'text-embedding-3-small', inputTokens: 700n, outputTokens: 0n, tier: '' },
  ])
  expect(new Set(written.map(({ id }) => id)).size).toBe(2)
  const again = await read('openai', OPENAI.data.map((bucket) => JSON.stringify(bucket)).join('\n'))
  expect(again.written).toEqual(written)
  const costs = {
    object: 'bucket',
    start_time: 1,
    end_time: 2,
    results: [{ object: 'organization.costs.result', amount: { value: 1, currency: 'usd' } }],
  }
  expect((await read('openai', JSON.stringify(costs))).result.rejected).toMatchObject([
    { code: 'HANSE_IMPORT_FORMAT', message: 'costs are a bill: import them as one' },
  ])
})

test('a report of Anthropic: input is all that was read, with what went into the cache', async () => {
  const { written } = await read('anthropic', JSON.stringify(ANTHROPIC))
  expect(written).toMatchObject([
    {
      at: Date.parse('2026-10-20T00:00:00Z'),
      provider: 'anthropic',
      model: 'claude-sonnet-4-5',
      tier: '',
      inputTokens: 3200n,
      cachedInputTokens: 200n,
      cacheWriteTokens: 1500n,
      longCacheWriteTokens: 1000n,
      outputTokens: 500n,
      requests: 0n,
      otherTokens: { web_search_requests: '10' },
      tags: { workspace: 'wrkspc_01Jw' },
    },
  ])
})

test('cost details of Azure: meters of tokens, with their cost', async () => {
  const { written, result } = await read('azure', AZURE)
  expect(result).toMatchObject({ accepted: 3, ignored: 1, rejectedCount: 0 })
  expect(written).toMatchObject([
    {
      at: Date.parse('2026-10-20T00:00:00Z'),
      model: 'gpt-4o-0806',
      inputTokens: 12_500n,
      outputTokens: 0n,
      cost: { amount: '0.0275', currency: 'EUR' },
      tags: { team: 'checkout', env: 'prod' },
    },
    { model: 'gpt-4o-0806', inputTokens: 0n, outputTokens: 1001n },
    { model: 'gpt 4.1', inputTokens: 500_000n, cachedInputTokens: 500_000n },
  ])
})

test('a cost and usage report of AWS, with the column names of both of its versions', async () => {
  const [header = '', ...rows] = AWS.split('\n')
  const second = header
    .split(',')
    .map((name) =>
      name
        .replace(/([a-z])([A-Z])/gu, '$1_$2')
        .replaceAll(/[/:]/gu, '_')
        .toLowerCase(),
    )
    .join(',')
    .replace('resource_tags_user_team', 'resource_tags_user_team')
  const files = await Promise.all(
    [AWS, [second, ...rows].join('\n')].map((file) => read('aws', file)),
  )
  for (const { written, result } of files) {
    expect(result).toMatchObject({ accepted: 3, ignored: 1, rejectedCount: 0 })
    expect(written).toMatchObject([
      {
        provider: 'aws-bedrock',
        model: 'Claude3.5Sonnet',
        inputTokens: 12_345n,
        cost: { amount: '0.037035', currency: 'USD' },
        tags: { team: 'checkout' },
      },
      { model: 'Claude3.5Sonnet', outputTokens: 2000n },
      { model: 'NovaPro', inputTokens: 3000n, cachedInputTokens: 3000n },
    ])
  }
  expect(files[0]?.written.map(({ id }) => id)).toEqual(files[1]?.written.map(({ id }) => id))
})

test('any CSV with a mapping; a decimal comma is refused and never guessed', async () => {
  const mapping = {
    at: 'When',
    provider: '=mistral',
    model: 'Model',
    inputTokens: 'In',
    outputTokens: 'Out',
    cost: 'Price',
    currency: '=EUR',
    'tag.team': 'Team',
  }
  const file =
    'When;Model;In;Out;Price;Team\n2026-10-20T10:00:00+02:00;large;5;6;0.25;a\n2026-10-20;large;5;6;0,25;a\n2026-10-20;large;1.000,5;6;1;a\n2026-10-20;"sm""all";7;8;;\n'
  const { written, result } = await read('csv', file, mapping)
  expect(result).toMatchObject({
    accepted: 2,
    rejected: [
      { line: 3, code: 'HANSE_IMPORT_DECIMAL_COMMA' },
      { line: 4, code: 'HANSE_IMPORT_DECIMAL_COMMA' },
    ],
  })
  expect(written).toMatchObject([
    {
      at: Date.parse('2026-10-20T08:00:00Z'),
      provider: 'mistral',
      cost: { amount: '0.25', currency: 'EUR' },
      tags: { team: 'a' },
    },
    { model: 'sm"all', cost: null, tags: {} },
  ])
  const missing = await read('csv', 'When\n2026-10-20\n', mapping)
  expect(missing.result).toMatchObject({
    rejectedCount: 1,
    rejected: [{ code: 'HANSE_IMPORT_FIELD' }],
  })
})

test('what is no such file is stopped at once, and says nothing of what is in it', async () => {
  for (const [format, file] of [
    ['otlp', `[${PLANTED}`],
    ['aws', ''],
    ['litellm', `[${'['.repeat(100)}`],
  ] as const) {
    const { result, told } = await read(format, file)
    expect(result).toMatchObject({ accepted: 0, stopped: { line: 1, code: 'HANSE_IMPORT_FORMAT' } })
    expect(told).toMatchObject([{ kind: 'import.failed', subject: 's' }])
  }
  const bytes = (await read('csv', 'a,b\n1,\ud800\n')).result
  expect(bytes.rejectedCount).toBe(1)
})

test('limits of a record hold: times, tokens, tags and names', async () => {
  const mapping = { at: 'at', provider: 'p', model: 'm', inputTokens: 'i', cachedInputTokens: 'c' }
  const rows = [
    '1999-01-01,p,m,1,0',
    '2027-01-01,p,m,1,0',
    '2026-10-01,,m,1,0',
    `2026-10-01,p,${'m'.repeat(129)},1,0`,
    '2026-10-01,p,m,-1,0',
    '2026-10-01,p,m,1.5,0',
    '2026-10-01,p,m,1,2',
    '2026-10-01,p,m,1e16,0',
    '2026-13-01,p,m,1,0',
    '2026-10-01,p,m,1e3,0',
  ]
  const { result, written } = await read('csv', ['at,p,m,i,c', ...rows].join('\n'), mapping)
  expect(result).toMatchObject({ accepted: 1, rejectedCount: 9 })
  expect(result.rejected.every(({ code }) => code === 'HANSE_IMPORT_FIELD')).toBe(true)
  expect(written[0]?.inputTokens).toBe(1000n)
})
