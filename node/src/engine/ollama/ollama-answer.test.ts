import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { EngineEvent, RequestKind } from '../engine.ts'
import { OllamaAnswer } from './ollama-answer.ts'

const HEAD = { id: 'i', created: 5, model: 'm' }
const say = (content: string, more: object = {}): string =>
  `${JSON.stringify({ model: 'm', message: { role: 'assistant', content }, ...more, done: false })}\n`
const FINAL = { done: true, done_reason: 'stop', prompt_eval_count: 9, eval_count: 5 }
const last = (more: object = {}): string =>
  `${JSON.stringify({ message: { role: 'assistant', content: '' }, ...FINAL, ...more })}\n`

function play(pieces: readonly Uint8Array[], kind: RequestKind = 'chat', cutAt?: number) {
  const answer = new OllamaAnswer(kind, HEAD, cutAt)
  const events = pieces.flatMap((piece) => answer.push(piece))
  if (answer.done) events.push(...answer.end(1))
  return { answer, events }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

interface Chunk {
  readonly choices: readonly Record<string, unknown>[]
}

function chunks(events: readonly EngineEvent[]): Chunk[] {
  return events.flatMap((event) =>
    event.type === 'delta' ? [JSON.parse(new TextDecoder().decode(event.payload)) as Chunk] : [],
  )
}

test('the same chunks come out wherever the bytes are cut', () => {
  const script = bytes(say('Grüße') + say(' 🚢') + last())
  const { events } = play([script])
  const choices = chunks(events).map((chunk) => chunk.choices)
  assert.deepEqual(choices, [
    [
      {
        index: 0,
        delta: { role: 'assistant', content: 'Grüße' },
        logprobs: null,
        finish_reason: null,
      },
    ],
    [{ index: 0, delta: { content: ' 🚢' }, logprobs: null, finish_reason: null }],
    [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }],
    [],
  ])
  assert.deepEqual(
    events.map((event) => (event.type === 'delta' ? event.tokens : event.type)),
    [1, 1, 0, 3, 'end'],
  )
  const usage = { inputTokens: 9, outputTokens: 5, cachedInputTokens: 0 }
  assert.deepEqual(events.at(-1), { type: 'end', finishReason: 'stop', usage })
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(script.length), { maxLength: 30 }), (cuts) => {
      const marks = [0, ...cuts.sort((a, b) => a - b), script.length]
      const pieces = marks.slice(1).map((end, i) => script.subarray(marks[i] ?? 0, end))
      assert.deepEqual(play(pieces).events, events)
    }),
  )
})

test('thoughts and tool calls are shown as OpenAI does', () => {
  const calls = [
    { function: { name: 'f', arguments: { a: 1 } } },
    { id: 'x', function: { name: 'g' } },
  ]
  const script =
    `${JSON.stringify({ message: { content: '', thinking: 'hm' }, done: false })}\n` +
    `${JSON.stringify({ message: { content: '', tool_calls: calls }, done: false })}\n` +
    last()
  const { events } = play([bytes(script)])
  const [thought, made, end] = chunks(events).map((chunk) => chunk.choices[0])
  assert.deepEqual(thought?.delta, {
    role: 'assistant',
    reasoning: 'hm',
  })
  assert.deepEqual(made?.delta, {
    tool_calls: [
      { index: 0, id: 'call_i_0', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
      { index: 1, id: 'x', type: 'function', function: { name: 'g', arguments: '{}' } },
    ],
  })
  assert.equal(end?.finish_reason, 'tool_calls')
})

test('log probabilities of a completion stand in columns', () => {
  const mark = { token: ' a', logprob: -1, top_logprobs: [{ token: ' b', logprob: -2 }] }
  const line = (text: string): string =>
    `${JSON.stringify({ response: text, logprobs: [{ ...mark, token: text }], done: false })}\n`
  const { events } = play([bytes(line(' a') + line(' cd') + last())], 'completion')
  const [, second] = chunks(events).map((chunk) => chunk.choices[0])
  assert.deepEqual(second, {
    index: 0,
    text: ' cd',
    logprobs: {
      tokens: [' cd'],
      token_logprobs: [-1],
      top_logprobs: [{ ' b': -2 }],
      text_offset: [2],
    },
    finish_reason: null,
  })
})

describe('counts that cannot be', () => {
  test.each([
    ['absurdly many', { eval_count: 1e12 }, 1 + 32, 9],
    ['fewer than shown', { eval_count: 0 }, 1, 9],
    ['fractions', { eval_count: 1.5, prompt_eval_count: 2.5 }, 1, 1],
    ['none at all', { eval_count: undefined, prompt_eval_count: undefined }, 1, 1],
  ])('%s break nothing', (_what, more, output, input) => {
    const end = play([bytes(say('a') + last(more))]).events.at(-1)
    assert.ok(end?.type === 'end')
    assert.equal(end.usage.outputTokens, output)
    assert.equal(end.usage.inputTokens, input)
  })
})

test('an old Ollama that cut the prompt is found out by its count', () => {
  assert.throws(() => play([bytes(say('a') + last())], 'chat', 9), {
    code: 'HANSE_ENGINE_CONTEXT_LENGTH',
  })
})

test.each([
  ['an error', `${say('a')}{"error":"llama runner died"}\n`, 'llama runner died'],
  ['no JSON', `${say('a')}<html>\n`, undefined],
  ['a line without end', say('a') + 'x'.repeat(2 << 20), undefined],
])('%s in mid-answer is a fault, after what came before it', (_what, script, engineMessage) => {
  const { answer, events } = play([bytes(script.slice(0, 90)), bytes(script.slice(90))])
  assert.equal(answer.fault?.code, 'HANSE_ENGINE_FAILED')
  assert.equal(answer.fault?.engineMessage, engineMessage)
  assert.equal(events.length, 1)
  assert.throws(() => answer.end(0), { code: 'HANSE_ENGINE_FAILED' })
})
