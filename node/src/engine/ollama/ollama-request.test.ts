import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { EngineRequest } from '../engine.ts'
import { encodeJson } from '../json.ts'
import type { OllamaModel } from './ollama-model.ts'
import { type OllamaCall, ollamaCall } from './ollama-request.ts'

const model: OllamaModel = {
  id: 'm',
  contextLength: 2048,
  digest: null,
  quantization: null,
  capabilities: [],
  thinks: false,
}

function call(
  kind: EngineRequest['kind'],
  body: object,
  more: Partial<EngineRequest> = {},
  thinks = false,
): OllamaCall {
  const request = { kind, model: 'm', body: encodeJson(body), maxOutputTokens: 50, ...more }
  return ollamaCall(request, { ...model, thinks }, '10m')
}

const messages = [{ role: 'user', content: 'hi' }]
const chat = (more: object, thinks = false) => call('chat', { messages, ...more }, {}, thinks).body

test('a chat names its context, and is refused rather than cut', () => {
  const fixed = { id: 'i', created: 1, model: 'fixed/model', seed: 7 }
  const made = call(
    'chat',
    { messages, temperature: 0, stop: 'END', max_tokens: 99, n: 1 },
    { fixed },
  )
  assert.deepEqual(made, {
    path: '/api/chat',
    body: {
      model: 'm',
      truncate: false,
      keep_alive: '10m',
      shift: false,
      stream: true,
      options: { seed: 7, temperature: 0, stop: ['END'], num_predict: 50, num_ctx: 2048 },
      messages,
    },
  })
  assert.deepEqual(chat({ seed: 3, max_completion_tokens: 5 }).options, {
    seed: 3,
    num_predict: 5,
    num_ctx: 2048,
  })
})

test('an answer that was begun is the last message, which Ollama goes on with by itself', () => {
  const begun = [...messages, { role: 'assistant', content: ' Once upon' }]
  const body = chat({ messages: begun, continue_final_message: true, add_generation_prompt: false })
  assert.deepEqual(body, { ...chat({}), messages: begun })
})

test('messages keep their images, thoughts, calls and results', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
  const made = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }
  const body = chat({
    messages: [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: [{ type: 'text', text: 'see' }, image] },
      { role: 'assistant', content: null, reasoning: 'hm', tool_calls: [made] },
      { role: 'tool', tool_call_id: 'c1', content: '42' },
    ],
  })
  assert.deepEqual(body.messages, [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'see', images: ['AAAA'] },
    {
      role: 'assistant',
      content: '',
      thinking: 'hm',
      tool_calls: [{ id: 'c1', function: { name: 'f', arguments: { a: 1 } } }],
    },
    { role: 'tool', content: '42', tool_name: 'f', tool_call_id: 'c1' },
  ])
})

test('tools, formats, log probabilities and effort have Ollama’s names', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  assert.deepEqual(chat({ tools }).tools, tools)
  assert.equal('tools' in chat({ tools, tool_choice: 'none' }), false)
  assert.equal(chat({ response_format: { type: 'json_object' } }).format, 'json')
  const schema = { type: 'object' }
  const format = { type: 'json_schema', json_schema: { name: 's', schema } }
  assert.deepEqual(chat({ response_format: format }).format, schema)
  assert.equal(chat({ logprobs: true, top_logprobs: 2 }).top_logprobs, 2)
  assert.equal(chat({ reasoning_effort: 'high' }, true).think, 'high')
  assert.equal(chat({ reasoning_effort: 'none' }, true).think, false)
  assert.equal(chat({ chat_template_kwargs: { enable_thinking: false } }, true).think, false)
  assert.equal('think' in chat({ reasoning_effort: 'high' }), false)
})

test('a completion goes on from its prompt as it is, or fills in before a suffix', () => {
  const raw = call('completion', { prompt: 'Once', logprobs: 1 })
  assert.equal(raw.path, '/api/generate')
  assert.deepEqual([raw.body.prompt, raw.body.raw, raw.body.logprobs], ['Once', true, true])
  const fill = call('completion', { prompt: ['def f('], suffix: 'return x' }).body
  assert.deepEqual([fill.prompt, fill.suffix, 'raw' in fill], ['def f(', 'return x', false])
})

test('texts to embed are a list, and never cut', () => {
  const made = call('embedding', { input: 'a', dimensions: 64 })
  assert.deepEqual(made, {
    path: '/api/embed',
    body: {
      model: 'm',
      truncate: false,
      keep_alive: '10m',
      dimensions: 64,
      input: ['a'],
      options: { num_ctx: 2048 },
    },
  })
})

describe('what Ollama would leave out is refused', () => {
  test.each([
    ['two answers', 'chat', { messages, n: 2 }],
    ['a tool that must be called', 'chat', { messages, tool_choice: 'required' }],
    ['no messages', 'chat', { messages: [] }],
    ['a message that is none', 'chat', { messages: ['hi'] }],
    [
      'an image elsewhere',
      'chat',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image_url', image_url: { url: 'http://10.0.0.1/' } }],
          },
        ],
      },
    ],
    ['a sound', 'chat', { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }],
    [
      'a call without arguments',
      'chat',
      {
        messages: [
          { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{' } }] },
        ],
      },
    ],
    ['an unknown format', 'chat', { messages, response_format: { type: 'xml' } }],
    ['a schema that is none', 'chat', { messages, response_format: { type: 'json_schema' } }],
    ['token ids', 'completion', { prompt: [1, 2] }],
    ['several prompts', 'completion', { prompt: ['a', 'b'] }],
    ['an echo', 'completion', { prompt: 'a', echo: true }],
    ['ids to embed', 'embedding', { input: [1, 2] }],
    ['nothing to embed', 'embedding', { input: [] }],
  ] as const)('%s', (_what, kind, body) => {
    assert.throws(() => call(kind, body), { code: 'HANSE_ENGINE_REFUSED', httpStatus: 400 })
  })
})
