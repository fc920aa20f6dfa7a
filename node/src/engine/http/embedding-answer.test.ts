import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { encodeJson } from '../json.ts'
import { embeddingAnswer } from './embedding-answer.ts'

interface Payload {
  readonly object: string
  readonly data: readonly { readonly index: number }[]
  readonly model: string
  readonly usage?: unknown
}

const read = (payload: Uint8Array): Payload =>
  JSON.parse(new TextDecoder().decode(payload)) as Payload

describe('an engine’s list of embeddings', () => {
  test('is cut into payloads below 256 KiB, in order, with the usage in the last', () => {
    const embedding = Array.from({ length: 1536 }, (_, n) => n / 7)
    const data = Array.from({ length: 64 }, (_, index) => ({
      object: 'embedding',
      index,
      embedding,
    }))
    const usage = { prompt_tokens: 640, total_tokens: 640 }
    const answer = embeddingAnswer(encodeJson({ object: 'list', data, model: 'm', usage, id: 'x' }))
    assert.ok(answer.payloads.length > 4)
    assert.ok(answer.payloads.every(({ byteLength }) => byteLength < 256 * 1024))
    const parsed = answer.payloads.map(read)
    assert.deepEqual(
      parsed.flatMap((payload) => payload.data),
      data,
    )
    assert.ok(parsed.every(({ object, model }) => object === 'list' && model === 'm'))
    assert.deepEqual(
      parsed.map((payload) => payload.usage),
      [...parsed.slice(1).map(() => undefined), usage],
    )
    assert.equal(answer.inputTokens, 640)
  })

  test('without usage does not tell the input', () => {
    const answer = embeddingAnswer(encodeJson({ data: [{ index: 0, embedding: 'AAAA' }] }))
    assert.equal(answer.inputTokens, undefined)
    assert.equal(answer.payloads.length, 1)
  })

  test.each([
    ['no JSON', new TextEncoder().encode('<html>')],
    ['no list', encodeJson({ data: 'none' })],
    ['items that are none', encodeJson({ data: [7] })],
    ['one item over the limit', encodeJson({ data: [{ embedding: 'x'.repeat(300_000) }] })],
    ['too much around it', encodeJson({ data: [], note: 'x'.repeat(300_000) })],
  ])('with %s is a fault', (_what, document) => {
    assert.throws(() => embeddingAnswer(document), { code: 'HANSE_ENGINE_FAILED' })
  })
})
