import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { AnswerInspector } from './answer-inspector.ts'
import { CHUNK, scanChunk } from './chunk-scan.ts'

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const parsed = (chunks: readonly Uint8Array[]): unknown[] =>
  chunks.map((chunk) => JSON.parse(new TextDecoder().decode(chunk)) as unknown)
const chunk = (delta: object, finish: string | null = null) => ({
  id: 'c',
  created: 7,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: finish }],
})
const role = chunk({ role: 'assistant', content: '' })

describe('a look at the bytes of a chunk', () => {
  test('finds its marks wherever engines put spaces', () => {
    assert.equal(scanChunk(bytes('{ "choices" : [ ] }')), CHUNK.choices | CHUNK.noChoices)
    assert.equal(
      scanChunk(bytes('{"choices":[{"finish_reason" : "stop"}]}')),
      CHUNK.choices | CHUNK.finish,
    )
    assert.equal(
      scanChunk(bytes('{"choices":[{"finish_reason":null}],"error":null}')),
      CHUNK.choices,
    )
    assert.equal(scanChunk(bytes('{"error":{}}')), CHUNK.error)
    assert.equal(scanChunk(bytes('{\n"choices":[{}]}')), CHUNK.choices | CHUNK.lines)
  })

  test('is not misled by any text that an answer may hold', () => {
    const texts = ['"choices":[]', '"finish_reason":"stop"', '"error":{}', 'error', '\n', '\\"']
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...texts), fc.string())), (pieces) => {
        assert.equal(scanChunk(bytes(chunk({ content: pieces.join('') }))), CHUNK.choices)
      }),
    )
  })
})

describe('watching an answer', () => {
  test('lets tokens pass as the very bytes that came', () => {
    const inspector = new AnswerInspector('chat')
    inspector.take([bytes(role)])
    const tokens = [bytes(chunk({ content: 'a' })), bytes(chunk({ content: 'b' }))]
    assert.equal(inspector.take(tokens), tokens)
  })

  test('keeps usage apart, wherever it is told', () => {
    const inspector = new AnswerInspector('chat')
    const end = { ...chunk({}, 'stop'), usage: { completion_tokens: 1 } }
    assert.equal(inspector.take([bytes(role), bytes(end)]).length, 2)
    assert.deepEqual(inspector.usage, { completion_tokens: 1 })
    assert.deepEqual(inspector.take([bytes({ choices: [], usage: { completion_tokens: 2 } })]), [])
    assert.deepEqual(inspector.usage, { completion_tokens: 2 })
    inspector.end()
  })

  test('says a role where the engine did not', () => {
    const first = new AnswerInspector('chat').take([bytes(chunk({ content: 'a' }))])
    assert.deepEqual(parsed(first), [
      { ...role, object: 'chat.completion.chunk' },
      chunk({ content: 'a' }),
    ])
    assert.equal(new AnswerInspector('completion').take([bytes(chunk({}))]).length, 1)
  })

  test('leaves out events that are no chunks, which clients stumble over', () => {
    const inspector = new AnswerInspector('chat')
    assert.deepEqual(inspector.take([bytes({ type: 'ping' }), bytes(role)]), [bytes(role)])
  })

  test('takes usage from a finish chunk, so that it is not there twice', () => {
    const inspector = new AnswerInspector('chat')
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    const last = chunk({}, 'stop')
    const passed = inspector.take([bytes(role), bytes({ ...last, usage })])
    assert.deepEqual(parsed(passed), [role, { ...last, usage: null }])
    assert.deepEqual(inspector.usage, usage)
  })

  test('prints a chunk anew that would be several events', () => {
    const inspector = new AnswerInspector('chat')
    const [printed = new Uint8Array()] = inspector.take([bytes(JSON.stringify(role, null, 2))])
    assert.deepEqual(printed, bytes(role))
    const forged = bytes('{"choices":[]}\n\ndata: [DONE]')
    assert.throws(() => inspector.take([forged]), { code: 'HANSE_ENGINE_FAILED' })
  })

  test.each([
    ['an error', { error: { message: 'the prompt was …' } }],
    ['an error in words', { error: 'out of memory' }],
    ['a choice that ends in one', chunk({}, 'error')],
  ])('ends with %s, and does not repeat the engine’s words', (_, bad) => {
    const inspector = new AnswerInspector('chat')
    inspector.take([bytes(role)])
    assert.throws(() => inspector.take([bytes(bad)]), {
      code: 'HANSE_ENGINE_FAILED',
      message: 'the engine reported an error in mid-answer',
    })
  })

  test('finds no end without a finish chunk', () => {
    const inspector = new AnswerInspector('chat')
    inspector.take([bytes(role), bytes(chunk({ content: '"finish_reason":"stop"' }))])
    assert.throws(() => inspector.end(), { code: 'HANSE_ENGINE_FAILED' })
  })
})
