import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { importUpload } from './import-upload.ts'
import { recordedSpans } from './testing/recorded-spans.ts'
import { PLANTED } from './testing/samples.ts'
import type { NewUsage } from './write-usage.ts'

/** 2026-11-02T00:00:00Z */
const NOW = 1_793_577_600_000
const START = NOW - 3_600_000 + 123

async function read(body: Uint8Array, isProtobuf: boolean) {
  const written: NewUsage[] = []
  const store = {
    emitEvents: async () => undefined,
    addExternalUsage: async (_where: object, usage: readonly NewUsage[]) => {
      written.push(...usage)
      return usage.map(() => 'accepted')
    },
  }
  const context = { store, now: () => NOW } as unknown as Parameters<typeof importUpload>[0]
  async function* chunks() {
    for (let at = 0; at < body.length; at += 97) yield body.subarray(at, at + 97)
  }
  const result = await importUpload(context, {
    organization: 'o',
    source: 's',
    format: 'otlp',
    isProtobuf,
    mapping: {},
    body: chunks(),
    isDryRun: false,
  })
  return { written, result }
}

const packed = (recorded: ReadableSpan[]): Uint8Array => {
  const bytes = ProtobufTraceSerializer.serializeRequest(recorded)
  if (bytes === undefined) throw new Error('nothing was serialized')
  return bytes
}

test('spans that OpenTelemetry’s own exporter packs are the same usage as its JSON', async () => {
  const recorded = recordedSpans(START)
  const json = JsonTraceSerializer.serializeRequest(recorded)
  const asJson = await read(json ?? new Uint8Array(), false)
  const asProtobuf = await read(packed(recorded), true)
  expect(asProtobuf).toEqual(asJson)
  expect(asProtobuf.result).toMatchObject({ accepted: 3, ignored: 2, rejectedCount: 0 })
  const [first] = recorded
  expect(asProtobuf.written).toMatchObject([
    {
      id: `${first?.spanContext().traceId}:${first?.spanContext().spanId}`,
      at: START,
      provider: 'openai',
      model: 'gpt-4o-2024-08-06',
      inputTokens: 1200n,
      cachedInputTokens: 200n,
      outputTokens: 40n,
      reasoningTokens: 8n,
      cost: { amount: '0.00123', currency: 'USD' },
      tags: { service: 'shop', environment: 'prod' },
    },
    { provider: 'anthropic', inputTokens: 3_000_000_000n, cost: { amount: '2' } },
    { provider: 'hanse', cost: { amount: '0.000001234567', currency: 'EUR' } },
  ])
  const text = JSON.stringify(asProtobuf, (_key, v) => (typeof v === 'bigint' ? `${v}` : v))
  expect(text).not.toContain('PLANTED')
})

test('nothing is an empty request, and what is no message is refused without a word of it', async () => {
  expect((await read(new Uint8Array(), true)).result).toMatchObject({ accepted: 0, stopped: null })
  const good = Buffer.from(packed(recordedSpans(START)))
  const bad = [
    Buffer.from(`{"resourceSpans":"${PLANTED}"}`),
    good.subarray(0, good.length - 1),
    // A group, which would have to be read to any depth.
    Buffer.alloc(1_000_000, 0x0b),
    // A length beyond the end, a number without one, and a wire type that there is not.
    Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    Buffer.from([0x08, 0xff, 0xff]),
    Buffer.from([0x0f]),
  ]
  for (const body of bad) {
    const { result } = await read(body, true)
    expect(result.stopped).toMatchObject({
      code: 'HANSE_IMPORT_FORMAT',
      message: 'not OTLP as protobuf',
    })
  }
})

test('bytes of any kind end in an answer', async () => {
  const good = packed(recordedSpans(START))
  const broken = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Uint8Array.from(good)
    bytes[at] = byte
    return bytes
  })
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), broken), async (bytes) => {
      const { result } = await read(bytes, true)
      expect(result.accepted + result.ignored + result.rejectedCount).toBeLessThanOrEqual(100)
    }),
    { numRuns: 200 },
  )
})
