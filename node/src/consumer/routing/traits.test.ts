import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { traitsOf } from './traits.ts'

describe('what a request is like', () => {
  const user = (content: unknown) => ({ role: 'user', content })
  const image = {
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${'A'.repeat(1e5)}` },
  }

  test('a prompt is about a token for every four letters; an image counts as one, not by its bytes', () => {
    const text = 'x'.repeat(4_000)
    assert.equal(traitsOf('chat', { messages: [user(text)] }).inputTokens, 1_000)
    assert.equal(traitsOf('completion', { prompt: text }).inputTokens, 1_000)
    assert.equal(traitsOf('embedding', { input: [text, text] }).inputTokens, 2_000)
    assert.equal(traitsOf('embedding', { input: [[1, 2, 3]] }).inputTokens, 0)
    const looks = traitsOf('chat', {
      messages: [user([{ type: 'text', text: 'what is it' }, image])],
    })
    assert.ok(looks.inputTokens < 1_100)
    assert.deepEqual(looks.features, ['vision'])
  })

  test('tools are a feature, and part of the prompt', () => {
    const tools = [{ type: 'function', function: { name: 'x'.repeat(400) } }]
    const { features, inputTokens } = traitsOf('chat', { messages: [user('hi')], tools })
    assert.deepEqual(features, ['tools'])
    for (const [type, needed] of [
      ['json_schema', ['structured']],
      ['json_object', ['structured']],
      ['text', []],
    ] as const) {
      const body = { messages: [user('hi')], response_format: { type } }
      assert.deepEqual(traitsOf('chat', body).features, needed)
    }
    assert.ok(inputTokens > 100)
    assert.deepEqual(traitsOf('chat', { messages: [user('hi')], tools: [] }).features, [])
  })

  test('a conversation begins the same in each of its turns, and a short question is none', () => {
    const messages = [{ role: 'system', content: 'be brief' }, user('hi')]
    const turns = [...messages, { role: 'assistant', content: 'hello' }, user('and now')]
    assert.equal(traitsOf('chat', { messages }).beginning, undefined)
    const { beginning } = traitsOf('chat', { messages: turns })
    assert.ok(beginning !== undefined)
    const later = [...turns, { role: 'assistant', content: 'ok' }, user('more')]
    assert.equal(traitsOf('chat', { messages: later }).beginning, beginning)
    assert.notEqual(
      traitsOf('chat', { messages: [user('other'), ...turns.slice(1)] }).beginning,
      beginning,
    )
    const long = [{ role: 'system', content: 'x'.repeat(1_000) }, user('hi')]
    assert.ok(traitsOf('chat', { messages: long }).beginning !== undefined)
  })

  test.each([undefined, null, 5, 'text', [], { messages: 'no' }, { messages: [5, null] }])(
    'nonsense (%j) is a request without traits',
    (json) => {
      const { inputTokens, features, beginning } = traitsOf('chat', json)
      assert.deepEqual([inputTokens, features, beginning], [0, [], undefined])
    },
  )
})
