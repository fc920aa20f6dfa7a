import assert from 'node:assert/strict'
import { HanseError } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { RequestKind } from '../engine/engine.ts'
import { type OpenAiRequest, parseRequest } from './request.ts'

const NO_HEADERS = { get: () => undefined }
const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const parse = (value: unknown, kind: RequestKind = 'chat'): OpenAiRequest =>
  parseRequest(kind, bytes(value), NO_HEADERS)
const sent = (request: OpenAiRequest): string[] =>
  request.bodies.map((body) => new TextDecoder().decode(body))
const chat = { model: 'a/b', messages: [{ role: 'user', content: 'hi' }] }

describe('a request', () => {
  test('yields what the gateway has to know', () => {
    const { model, stream, includeUsage, maxOutputTokens, user } = parse({
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      user: 'anna',
    })
    assert.deepEqual(
      [model, stream, includeUsage, maxOutputTokens, user],
      ['a/b', true, true, 5, 'anna'],
    )
    assert.equal(parse({ ...chat, max_tokens: 5, max_completion_tokens: 7 }).maxOutputTokens, 7)
    assert.equal(parse({ ...chat, n_predict: -1 }).maxOutputTokens, undefined)
    assert.equal(parse({ model: 'a/b', prompt: 'x' }, 'completion').maxOutputTokens, 16)
    assert.equal(parse({ model: 'a/b', input: 'x' }, 'embedding').maxOutputTokens, 0)
  })

  test('without anything of ours goes to providers as the very bytes that came', () => {
    const body = bytes('{"model":"a/b", "messages":[{"role":"user","content":"h\\u0069"}],"x":1e2}')
    const [only] = parseRequest('chat', body, NO_HEADERS).bodies
    assert.equal(only, body)
  })

  test('loses what is for this node alone, and what names the client’s users', () => {
    const request = parse(
      `{"model":"a/b","hanse":{"sort":"price"},"messages":[{"role":"user","content":"hi"}],"seed":12345678901234567890,` +
        `"provider":{"only":["12D3KooWLpx1kJbUSwEkbCpmHeArxaE6xDipY8kJPNj3EPY8FyQk"]},"models":["c/d"],"user":"anna","metadata":{"a":"b"},"top_k":1.0}`,
    )
    assert.deepEqual(sent(request), [
      '{"model":"a/b","messages":[{"role":"user","content":"hi"}],"seed":12345678901234567890,"top_k":1.0}',
    ])
  })

  test('keeps a provider field that is none of OpenRouter’s', () => {
    assert.deepEqual(JSON.parse(sent(parse({ ...chat, provider: 'x' }))[0] ?? ''), {
      ...chat,
      provider: 'x',
    })
  })

  test('for several choices is as many requests for one', () => {
    const request = parse({ ...chat, n: 3 })
    assert.deepEqual(sent(request), Array(3).fill(JSON.stringify(chat)))
    assert.throws(() => parse({ ...chat, n: 17 }), { param: 'n' })
  })

  test('to complete several prompts is one request for each choice of each', () => {
    const request = parse({ model: 'm/m', prompt: ['a', 'b'], n: 2 }, 'completion')
    assert.deepEqual(
      sent(request).map((body) => (JSON.parse(body) as { prompt: string }).prompt),
      ['a', 'a', 'b', 'b'],
    )
    const tokens = parse({ model: 'm/m', prompt: [1, 2] }, 'completion')
    assert.deepEqual(sent(tokens), ['{"model":"m/m","prompt":[1,2]}'])
  })

  test('says at the end of the model’s name what counts most', () => {
    const { model, policy } = parse({ ...chat, model: 'a/b:q4:nitro' })
    assert.deepEqual([model, policy.sort], ['a/b:q4', 'throughput'])
    assert.equal(parse({ ...chat, model: 'a/b:floor' }).policy.sort, 'price')
    assert.equal(parse({ ...chat, model: 'a/b:f16' }).model, 'a/b:f16')
  })

  test.each<[unknown, string, RequestKind]>([
    [{ messages: chat.messages }, 'model', 'chat'],
    [{ ...chat, messages: 'hi' }, 'messages', 'chat'],
    [{ ...chat, messages: [] }, 'messages', 'chat'],
    [{ ...chat, messages: [{ content: 'no role' }] }, 'messages.0.role', 'chat'],
    [{ ...chat, max_tokens: -1 }, 'max_tokens', 'chat'],
    [{ ...chat, max_tokens: 1.5 }, 'max_tokens', 'chat'],
    [{ ...chat, stream: 'yes' }, 'stream', 'chat'],
    [
      { ...chat, stream: true, stream_options: { include_usage: 1 } },
      'stream_options.include_usage',
      'chat',
    ],
    [{ ...chat, n: 0 }, 'n', 'chat'],
    [{ ...chat, prompt: 'x' }, 'prompt', 'chat'],
    [[], 'body', 'chat'],
    [{ model: 'a/b' }, 'prompt', 'completion'],
    [{ model: 'a/b', prompt: ['a', 1] }, 'prompt', 'completion'],
    [{ model: 'a/b', prompt: 'x', best_of: 2 }, 'best_of', 'completion'],
    [{ model: 'a/b', input: [] }, 'input', 'embedding'],
    [{ model: 'a/b', input: 'x', encoding_format: 'hex' }, 'encoding_format', 'embedding'],
    [{ model: 'a/b', input: 'x', dimensions: 0 }, 'dimensions', 'embedding'],
  ])('with a wrong field names it: %j', (body, param, kind) => {
    assert.throws(() => parse(body, kind), { code: 'HANSE_REQUEST_INVALID', param })
  })

  test.each<[object, string]>([
    [{ chat_template: '{{ x }}' }, 'chat_template'],
    [{ chat_template_kwargs: { chat_template: 'x' } }, 'chat_template_kwargs.chat_template'],
    [{ priority: -5 }, 'priority'],
    [{ kv_transfer_params: {} }, 'kv_transfer_params'],
    [{ mm_processor_kwargs: {} }, 'mm_processor_kwargs'],
    [{ media_io_kwargs: {} }, 'media_io_kwargs'],
    [{ id_slot: 0 }, 'id_slot'],
    [{ lora: [] }, 'lora'],
    [{ logits_processors: ['os.system'] }, 'logits_processors'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_embeds', image_embeds: 'x' }] }] },
      'messages.0.content.0',
    ],
  ])(
    'that would use a stranger’s machine for more than it is offered for is refused: %j',
    (fields, param) => {
      assert.throws(() => parse({ ...chat, ...fields }), { code: 'HANSE_REQUEST_INVALID', param })
    },
  )

  test('may say the defaults of what it may not choose', () => {
    parse({
      ...chat,
      priority: 0,
      chat_template: null,
      chat_template_kwargs: { enable_thinking: false },
    })
  })

  test('finds media that would have to be fetched, and none that is in the request', () => {
    const image = (url: string) => ({ type: 'image_url', image_url: { url } })
    const content = [
      { type: 'text', text: 'x' },
      image('data:image/png;base64,AA=='),
      image('file:///etc/passwd'),
    ]
    const { links } = parse({ ...chat, messages: [{ role: 'user', content }] })
    assert.deepEqual(links, [
      { param: 'messages.0.content.2.image_url', url: 'file:///etc/passwd' },
    ])
  })

  test.each<RequestKind>(['chat', 'completion', 'embedding'])(
    'of any bytes is read or refused with a code, never a crash: %s',
    (kind) => {
      const fields = [
        'model',
        'messages',
        'prompt',
        'input',
        'n',
        'hanse',
        'provider',
        'stream_options',
      ]
      fc.assert(
        fc.property(
          fc.oneof(
            fc.uint8Array(),
            fc.json().map((text) => bytes(text)),
            fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()).map((value) => bytes(value)),
            fc
              .jsonValue()
              .map((content) => bytes({ model: 'm', messages: [{ role: 'user', content }] })),
          ),
          (body) => {
            try {
              const { bodies } = parseRequest(kind, body, NO_HEADERS)
              for (const each of bodies) JSON.parse(new TextDecoder().decode(each))
            } catch (error) {
              assert.ok(error instanceof HanseError, String(error))
            }
          },
        ),
      )
    },
  )
})
