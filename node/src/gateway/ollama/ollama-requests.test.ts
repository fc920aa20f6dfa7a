import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { FieldError } from '../../openai/field-error.ts'
import { chatBody } from './chat-body.ts'
import { samplingOf } from './sampling.ts'

describe('how an answer is to be made', () => {
  test('is said in OpenAI’s words, and what concerns the machine is left out', () => {
    assert.deepEqual(
      samplingOf({
        model: 'x',
        keep_alive: '5m',
        options: {
          temperature: 0,
          top_k: 3,
          repeat_penalty: 1.1,
          seed: 7,
          stop: ['\n'],
          num_predict: 12,
          num_ctx: 8192,
          num_gpu: 1,
          top_p: null,
        },
      }),
      {
        temperature: 0,
        top_k: 3,
        repetition_penalty: 1.1,
        repeat_penalty: 1.1,
        seed: 7,
        stop: ['\n'],
        max_tokens: 12,
      },
    )
  })

  test('has no limit where Ollama has none', () => {
    for (const num_predict of [-1, -2, 0, undefined])
      assert.deepEqual(samplingOf({ options: { num_predict } }), {})
    assert.deepEqual(samplingOf({ options: 'none' }), {})
  })

  test('has the format that was asked for', () => {
    assert.deepEqual(samplingOf({ format: 'json' }), { response_format: { type: 'json_object' } })
    const schema = { type: 'object', properties: {} }
    assert.deepEqual(samplingOf({ format: schema }), {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    })
    assert.deepEqual(samplingOf({ format: '' }), {})
  })

  test('thinks as much as was asked for', () => {
    assert.deepEqual(samplingOf({ think: 'high' }), { reasoning_effort: 'high' })
    assert.deepEqual(samplingOf({ think: true }), {
      chat_template_kwargs: { enable_thinking: true },
    })
    assert.deepEqual(samplingOf({ think: false }), {
      chat_template_kwargs: { enable_thinking: false },
      reasoning_effort: 'none',
    })
  })
})

describe('messages', () => {
  const messagesOf = (...messages: object[]) => chatBody({ messages }).messages

  test('keep calls of tools and their results together, with ids or by name and order', () => {
    const call = (name: string, id?: string) => ({
      ...(id === undefined ? {} : { id }),
      function: { name, arguments: { city: name } },
    })
    const openAiCall = (id: string, name: string) => ({
      id,
      type: 'function',
      function: { name, arguments: JSON.stringify({ city: name }) },
    })
    assert.deepEqual(
      messagesOf(
        { role: 'assistant', tool_calls: [call('a'), call('b'), call('c', 'call_c')] },
        { role: 'tool', tool_name: 'b', content: '2' },
        { role: 'tool', content: '1' },
        { role: 'tool', tool_call_id: 'call_c', content: '3' },
      ),
      [
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            openAiCall('call_0', 'a'),
            openAiCall('call_1', 'b'),
            openAiCall('call_c', 'c'),
          ],
        },
        { role: 'tool', content: '2', tool_call_id: 'call_1' },
        { role: 'tool', content: '1', tool_call_id: 'call_0' },
        { role: 'tool', content: '3', tool_call_id: 'call_c' },
      ],
    )
  })

  test('carry pictures as data, of the kind that their first bytes tell', () => {
    const kindOf = (image: string) => {
      const [message] = messagesOf({ role: 'user', content: 'x', images: [image] }) as [
        { content: { image_url?: { url: string } }[] },
      ]
      return message.content[1]?.image_url?.url.split(';')[0]
    }
    assert.deepEqual(
      ['iVBORw0KGgoA', '/9j/4AAQ', 'R0lGODlh', 'UklGRgAA', 'data:image/avif;base64,AA'].map(kindOf),
      ['data:image/png', 'data:image/jpeg', 'data:image/gif', 'data:image/webp', 'data:image/avif'],
    )
  })

  test('keep what the model thought', () => {
    assert.deepEqual(messagesOf({ role: 'assistant', content: 'a', thinking: 'b' }), [
      { role: 'assistant', content: 'a', reasoning: 'b' },
    ])
  })

  test('that are none are refused', () => {
    assert.throws(() => chatBody({ messages: 'x' }), FieldError)
    assert.throws(() => chatBody({ messages: [1] }), FieldError)
  })
})
