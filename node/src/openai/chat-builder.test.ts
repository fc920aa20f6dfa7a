import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { ChatBuilder } from './chat-builder.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const chunk = (delta: object, more: object = {}): Uint8Array =>
  bytes({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 7,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  })
const finish = chunk({}, { finish_reason: 'stop' })

function build(...payloads: Uint8Array[]): {
  choices: { message: Record<string, unknown>; finish_reason: string }[]
} {
  const completion = new ChatBuilder()
  for (const payload of payloads) completion.add(payload)
  return completion.build() as ReturnType<typeof build>
}

describe('an answer put together from chunks', () => {
  test('has the text of its pieces, wherever they were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (pieces) => {
        const { choices } = build(
          chunk({ role: 'assistant', content: '' }),
          ...pieces.map((content) => chunk({ content })),
          finish,
        )
        assert.equal(choices[0]?.message.content, pieces.join(''))
      }),
    )
  })

  test('keeps reasoning, tool calls in pieces and logprobs', () => {
    const call = (index: number, part: object) => chunk({ tool_calls: [{ index, ...part }] })
    const result = build(
      chunk({ role: 'assistant', reasoning_content: 'let me ' }),
      chunk({ reasoning_content: 'think' }),
      call(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } }),
      call(1, { id: 'b', function: { name: 'g', arguments: '{}' } }),
      call(0, { function: { arguments: ':1}' } }),
      chunk({}, { finish_reason: 'tool_calls', logprobs: { content: [{ token: 'x' }] } }),
    )
    const [choice] = result.choices
    assert.equal(choice?.message.reasoning_content, 'let me think')
    assert.deepEqual(choice?.message.tool_calls, [
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ])
    assert.equal(choice?.finish_reason, 'tool_calls')
  })

  test('without a finish chunk is not whole', () => {
    assert.throws(() => build(chunk({ content: 'half' })), { code: 'HANSE_ENGINE_FAILED' })
  })

  test('of something that is not JSON fails by code', () => {
    assert.throws(() => build(new TextEncoder().encode('{')), { code: 'HANSE_ENGINE_FAILED' })
    assert.throws(() => build(new TextEncoder().encode('3')), { code: 'HANSE_ENGINE_FAILED' })
  })
})
