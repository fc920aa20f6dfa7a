import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { EmbeddingBuilder } from './embedding-builder.ts'
import { TextBuilder } from './text-builder.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const HEAD = { id: 'c', object: 'text_completion', created: 7, model: 'm' }

describe('a text completion', () => {
  test('is put together by choice, with the columns of its log probabilities', () => {
    const builder = new TextBuilder()
    const piece = (
      index: number,
      text: string,
      finish: string | null = null,
      logprobs: unknown = null,
    ) =>
      builder.add(bytes({ ...HEAD, choices: [{ index, text, finish_reason: finish, logprobs }] }))
    piece(1, 'x', 'length')
    piece(0, 'a', null, { tokens: ['a'], token_logprobs: [-0.5], text_offset: [0] })
    piece(0, 'b', 'stop', { tokens: ['b'], token_logprobs: [-1], text_offset: [1] })
    assert.deepEqual(builder.build(), {
      ...HEAD,
      choices: [
        {
          index: 0,
          text: 'ab',
          finish_reason: 'stop',
          logprobs: { tokens: ['a', 'b'], token_logprobs: [-0.5, -1], text_offset: [0, 1] },
        },
        { index: 1, text: 'x', finish_reason: 'length', logprobs: null },
      ],
    })
  })

  test('without a finish chunk is not whole', () => {
    const builder = new TextBuilder()
    assert.throws(() => builder.build(), { code: 'HANSE_ENGINE_FAILED' })
    builder.add(bytes({ ...HEAD, choices: [{ index: 0, text: 'a' }] }))
    assert.throws(() => builder.build(), { code: 'HANSE_ENGINE_FAILED' })
  })
})

describe('a list of embeddings', () => {
  /** 1 and -2 as 32-bit floats, little-endian. */
  const BASE64 = 'AACAPwAAAMA='
  const item = (index: number, embedding: unknown) => ({ object: 'embedding', index, embedding })
  const build = (encoding: 'float' | 'base64', ...lists: object[]) => {
    const builder = new EmbeddingBuilder(encoding, undefined)
    for (const list of lists) builder.add(bytes(list))
    return { list: builder.build(), usage: builder.usage }
  }

  test('is one, in the order of the texts, however many came', () => {
    const { list, usage } = build(
      'float',
      { object: 'list', model: 'm', data: [item(2, [3]), item(0, [1])] },
      { object: 'list', model: 'm', data: [item(1, [2])], usage: { prompt_tokens: 3 } },
    )
    const data = [item(0, [1]), item(1, [2]), item(2, [3])]
    assert.deepEqual(list, { object: 'list', data, model: 'm' })
    assert.deepEqual(usage, { prompt_tokens: 3 })
  })

  test('has the encoding that the client reads, whatever the engine sent', () => {
    const dataOf = (encoding: 'float' | 'base64', embedding: unknown) =>
      (build(encoding, { data: [item(0, embedding)] }).list.data as { embedding: unknown }[])[0]
        ?.embedding
    assert.deepEqual(dataOf('float', BASE64), [1, -2])
    assert.deepEqual(dataOf('float', [1, -2]), [1, -2])
    assert.equal(dataOf('base64', [1, -2]), BASE64)
    assert.equal(dataOf('base64', BASE64), BASE64)
  })

  test('of other dimensions than were asked for is refused', () => {
    const add = (embedding: unknown) =>
      new EmbeddingBuilder('float', 3).add(bytes({ data: [item(0, embedding)] }))
    for (const embedding of [[1, -2], BASE64])
      assert.throws(() => add(embedding), { code: 'HANSE_ENGINE_REFUSED' })
    add([1, 2, 3])
  })

  test.each([
    [{}],
    [{ data: 'x' }],
    [{ data: [3] }],
    [{ data: [item(0, null)] }],
    [{ data: [item(0, 'not base64!')] }],
    [{ data: [] }],
  ])('that is none fails by code: %j', (list) => {
    assert.throws(() => build('float', list), { code: 'HANSE_ENGINE_FAILED' })
  })
})
