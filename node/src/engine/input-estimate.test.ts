import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { EngineRequest } from './engine.ts'
import { estimateInputTokens, maxInputTokens } from './input-estimate.ts'
import { encodeJson } from './json.ts'

function request(body: unknown): EngineRequest {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : encodeJson(body)
  return { kind: 'chat', model: 'm', body: bytes, maxOutputTokens: 1 }
}

test.each([
  [{ messages: [{ role: 'user', content: 'a'.repeat(60) }] }, 10],
  [
    {
      messages: [
        { content: [{ type: 'text', text: 'a'.repeat(12) }, { image_url: 'x'.repeat(600) }] },
      ],
    },
    2,
  ],
  [{ prompt: ['a'.repeat(6), 'b'.repeat(6)] }, 2],
  [{ input: [[1, 2, 3], [4]] }, 4],
  [{ messages: 'none', prompt: null, input: true }, 0],
])('the input of %j is guessed low, by its texts', (body, tokens) => {
  assert.equal(estimateInputTokens(request(body)), tokens)
})

test('a body that is none, or nested without end, is worth nothing and breaks nothing', () => {
  assert.equal(estimateInputTokens(request('{')), 0)
  assert.equal(estimateInputTokens(request(`{"input":${'['.repeat(5000)}${']'.repeat(5000)}}`)), 0)
})

test('the most that an input can be leaves room for a token of the answer', () => {
  assert.equal(maxInputTokens(request({}), 1000), 66)
  assert.equal(maxInputTokens(request('x'.repeat(2000)), 1000), 999)
})
