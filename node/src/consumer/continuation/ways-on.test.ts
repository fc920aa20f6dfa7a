import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { InferenceRequest } from '../request.ts'
import { Delivered } from './delivered.ts'
import { type Way, waysOn } from './ways-on.ts'

const DIGEST = 'sha256:aa'
const SAME = { digest: DIGEST, capabilities: ['chat', 'continuation'] }
const CLOSED = { digest: DIGEST, capabilities: ['chat'] }
const OTHER = { digest: 'sha256:bb', capabilities: ['chat', 'continuation'] }
const ASKED = [{ role: 'user', content: 'Hello?' }]

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

function requestOf(
  body: Record<string, unknown>,
  kind: InferenceRequest['kind'] = 'chat',
): InferenceRequest {
  const { max_tokens: limit } = body
  const maxOutputTokens = typeof limit === 'number' ? limit : undefined
  return { kind, model: 'a/b', maxOutputTokens, body: bytes(body), policy: {} }
}

function deliveredOf(...choices: object[]): Delivered {
  const delivered = new Delivered()
  delivered.add(choices.map((choice) => bytes({ id: 'x', choices: [{ index: 0, ...choice }] })))
  return delivered
}

const said = (...deltas: object[]): Delivered =>
  deliveredOf(...deltas.map((delta) => ({ delta, finish_reason: null })))

function bodyOf(way: Way | undefined): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(way?.request.body)) as Record<string, unknown>
}

const at = (request: InferenceRequest, delivered: Delivered, tokens = 3) =>
  waysOn(request, delivered.read(), tokens, DIGEST)

describe('an answer of plain text', () => {
  const body = {
    messages: ASKED,
    max_tokens: 10,
    n_predict: -1,
    min_tokens: 2,
    seed: 7,
    stop: ['x'],
  }
  const half = said({ role: 'assistant', content: '' }, { content: ' One' }, { content: ' two \n' })

  test('goes on from the last message, with what is left of its limits and all else as it was', () => {
    const way = at(requestOf(body), half).at(OTHER)
    assert.equal(way?.method, 'prefix')
    assert.equal(way?.withheld, ' \n')
    assert.equal(way?.request.maxOutputTokens, 7)
    assert.deepEqual(bodyOf(way), {
      ...body,
      max_tokens: 7,
      min_tokens: 0,
      continue_final_message: true,
      add_generation_prompt: false,
      messages: [...ASKED, { role: 'assistant', content: ' One two' }],
    })
  })

  test('is given again by an engine that cannot go on, if it is the same model and leaves nothing to chance', () => {
    assert.equal(at(requestOf(body), half).at(CLOSED)?.method, 'replay')
    assert.equal(at(requestOf(body), half).at({ ...CLOSED, digest: OTHER.digest }), undefined)
    assert.equal(at(requestOf({ messages: ASKED, temperature: 1 }), half).at(CLOSED), undefined)
    const unknown = waysOn(requestOf(body), half.read(), 3, null)
    assert.equal(unknown.at({ ...CLOSED, digest: null }), undefined)
  })

  test('that the client itself began is begun a little longer', () => {
    const messages = [...ASKED, { role: 'assistant', content: 'So:', name: 'n' }]
    const flags = { continue_final_message: true, add_generation_prompt: false }
    const way = at(requestOf({ messages, ...flags }), half).at(OTHER)
    assert.deepEqual(bodyOf(way).messages, [
      ...ASKED,
      { role: 'assistant', content: 'So: One two', name: 'n' },
    ])
    assert.equal(at(requestOf({ messages }), half).at(OTHER), undefined)
  })

  test('takes its thought along, once that is whole', () => {
    const request = requestOf({ messages: ASKED, temperature: 0 })
    const thinking = said({ reasoning_content: 'Hm' })
    assert.equal(at(request, thinking).at(SAME)?.method, 'replay')
    const thought = said(
      { reasoning_content: 'Hm' },
      { reasoning_content: '.' },
      { content: 'Yes' },
    )
    assert.deepEqual(bodyOf(at(request, thought).at(SAME)).messages, [
      ...ASKED,
      { role: 'assistant', content: 'Yes', reasoning_content: 'Hm.' },
    ])
  })
})

test('of what nobody has seen, the request starts over', () => {
  const request = requestOf({ messages: ASKED, response_format: { type: 'json_object' } })
  const begun = said({ role: 'assistant', content: '' }, { content: '\n' })
  assert.deepEqual(at(request, begun).at(CLOSED), { method: 'restart', request, withheld: '\n' })
})

test.each<[string, Record<string, unknown>, Delivered]>([
  [
    'a tool call',
    {},
    said({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{' } }] }),
  ],
  ['a refusal', {}, said({ refusal: 'No' })],
  ['a form', { response_format: { type: 'json_schema' } }, said({ content: '{' })],
  ['a grammar', { grammar: 'root ::= "a"' }, said({ content: 'a' })],
  ['a tool that must be called', { tool_choice: 'required' }, said({ content: 'a' })],
  ['log probabilities', { logprobs: true }, said({ content: 'a' })],
  ['several choices', { n: 2 }, said({ content: 'a' })],
])('%s is never taken up in the middle, but given again', (_, more, delivered) => {
  const fixed = requestOf({ messages: ASKED, temperature: 0, ...more })
  assert.equal(at(fixed, delivered).at(SAME)?.method, 'replay')
  assert.equal(at(fixed, delivered).at(OTHER), undefined)
  assert.equal(at(requestOf({ messages: ASKED, ...more }), delivered).at(SAME), undefined)
})

test('what has no text can neither be gone on with nor compared', () => {
  const request = requestOf({ messages: ASKED, temperature: 0 })
  assert.equal(at(request, said({ content: 'a', audio: { data: 'AAAA' } })).at(SAME), undefined)
})

describe('a completion', () => {
  const half = deliveredOf({ text: ' there', finish_reason: null })

  test('goes on from its prompt and what was said, at any engine', () => {
    for (const prompt of ['Hello', ['Hello']]) {
      const way = at(requestOf({ prompt, max_tokens: 10 }, 'completion'), half, 1).at(CLOSED)
      assert.equal(bodyOf(way).prompt, 'Hello there')
      assert.equal(bodyOf(way).max_tokens, 9)
    }
  })

  test.each([
    [{ prompt: 'a', echo: true }],
    [{ prompt: 'a', suffix: 'z' }],
    [{ prompt: 'a', best_of: 2 }],
    [{ prompt: ['a', 'b'] }],
    [{ prompt: [1, 2] }],
  ])('%o is given again', (body) => {
    const request = requestOf({ ...body, seed: 1 }, 'completion')
    assert.equal(at(request, half).at(SAME)?.method, 'replay')
  })
})
