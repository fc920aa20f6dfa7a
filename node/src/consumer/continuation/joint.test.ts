import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { Delivered } from './delivered.ts'
import { Joint } from './joint.ts'
import type { Method } from './ways-on.ts'

interface Chunk {
  id: string
  choices: { delta?: { content?: string }; text?: string; finish_reason?: string | null }[]
  usage?: unknown
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

const chunk = (id: string, choice: object, more: object = {}): Uint8Array =>
  bytes({
    id,
    object: 'o',
    created: 1,
    model: `model of ${id}`,
    choices: [{ index: 0, ...choice }],
    ...more,
  })

const delta = (id: string, fields: object, finish: string | null = null): Uint8Array =>
  chunk(id, { delta: fields, finish_reason: finish })

function jointOf(method: Method, withheld: string, before: readonly Uint8Array[]): Joint {
  const delivered = new Delivered()
  delivered.add(before)
  const request = {
    kind: 'chat',
    model: 'm',
    maxOutputTokens: 1,
    body: bytes({}),
    policy: {},
  } as const
  return new Joint({ method, withheld, request }, delivered.read(), { input: 5, output: 3 })
}

function read(payloads: readonly Uint8Array[]): Chunk[] {
  return payloads.map((payload) => JSON.parse(new TextDecoder().decode(payload)) as Chunk)
}

const textOf = (chunks: readonly Chunk[]): string =>
  chunks.map(({ choices }) => choices[0]?.delta?.content ?? choices[0]?.text ?? '').join('')

const ROLE = { role: 'assistant', content: '' }

describe('a continuation', () => {
  const before = [delta('a', ROLE), delta('a', { content: ' One ' })]

  test('has the head of what was there, no role, and no usage of its own', () => {
    const joint = jointOf('prefix', ' ', before)
    const joined = read(
      joint.push([
        delta('b', ROLE),
        delta('b', { role: 'assistant', content: ' two' }),
        delta('b', {}, 'stop'),
        bytes({ id: 'b', choices: [], usage: { prompt_tokens: 9, completion_tokens: 2 } }),
      ]),
    )
    assert.equal(joined.length, 2)
    for (const { id } of joined) assert.equal(id, 'a')
    assert.deepEqual(joined[0]?.choices[0]?.delta, { content: 'two' })
    assert.equal(joined[1]?.choices[0]?.finish_reason, 'stop')
  })

  test.each([
    [' ', [' two'], 'two'],
    [' \n', [' ', '\n', '\ntwo'], '\ntwo'],
    [' \n', [' ', 'two'], 'two'],
    ['\n', [' two'], ' two'],
    [' ', ['two', ' three'], 'two three'],
    ['', [' two'], ' two'],
  ])('after %j, of %j the client gets %j', (withheld, texts, expected) => {
    const joint = jointOf('prefix', withheld, before)
    const joined = joint.push(texts.map((content) => delta('b', { content })))
    assert.equal(textOf(read(joined)), expected)
  })

  test('sums up a usage that runs along', () => {
    const joint = jointOf('prefix', '', before)
    const usage = { prompt_tokens: 40, completion_tokens: 2, total_tokens: 42 }
    const [joined] = read(joint.push([chunk('b', { delta: { content: 'x' } }, { usage })]))
    assert.deepEqual(joined?.usage, { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 })
  })

  test('that begins to think anew is another answer', () => {
    const joint = jointOf('prefix', '', before)
    assert.throws(() => joint.push([delta('b', { reasoning: 'Hm' })]), {
      code: 'HANSE_SESSION_CUT',
    })
  })
})

test('an answer that starts over tells the role that nobody told, once', () => {
  const joint = jointOf('restart', '', [])
  const joined = read(
    joint.push([delta('b', ROLE), delta('b', ROLE), delta('b', { content: 'x' })]),
  )
  assert.deepEqual(
    joined.map(({ choices }) => choices[0]?.delta),
    [ROLE, { content: 'x' }],
  )
})

describe('a replay', () => {
  const call = (fields: object) => ({ tool_calls: [{ index: 0, ...fields }] })
  const before = [
    delta('a', ROLE),
    delta('a', { reasoning: 'Let me' }),
    delta('a', { reasoning: ' see.' }),
    delta('a', { content: 'Well' }),
    delta('a', call({ id: 'call-a', type: 'function', function: { name: 'look', arguments: '' } })),
    delta('a', call({ function: { arguments: '{"up' } })),
  ]

  test('says again what was said, however it is cut, and goes on', () => {
    const joint = jointOf('replay', '', before)
    assert.equal(joint.caughtUp, false)
    const joined = read(
      joint.push([
        delta('b', ROLE),
        delta('b', { reasoning: 'Let me see.' }),
        delta('b', { content: 'We' }),
        delta('b', { content: 'll' }),
        delta(
          'b',
          call({ id: 'call-b', type: 'function', function: { name: 'look', arguments: '{"' } }),
        ),
        delta('b', call({ function: { arguments: 'up": 1' } })),
        delta('b', call({ function: { arguments: '}' } })),
        delta('b', {}, 'tool_calls'),
      ]),
    )
    assert.equal(joint.caughtUp, true)
    assert.deepEqual(
      joined.map(({ choices }) => choices[0]?.delta),
      [call({ function: { arguments: '": 1' } }), call({ function: { arguments: '}' } }), {}],
    )
  })

  test.each([
    ['other words', [{ reasoning: 'Let us' }]],
    ['other words at the end', [{ reasoning: 'Let me see, ' }]],
    ['something else', [{ reasoning: 'Let me see.' }, { refusal: 'No' }]],
  ])('with %s is another answer', (_, deltas) => {
    const joint = jointOf('replay', '', before)
    const payloads = deltas.map((fields) => delta('b', fields))
    assert.throws(() => joint.push(payloads), { code: 'HANSE_SESSION_CUT' })
  })

  test('that ends before it has said it all is another answer', () => {
    const joint = jointOf('replay', '', before)
    const short = [delta('b', { reasoning: 'Let me see.' }), delta('b', {}, 'stop')]
    assert.throws(() => joint.push(short), { code: 'HANSE_SESSION_CUT' })
  })

  test('leaves out the log probabilities of what it leaves out', () => {
    const marks = (...tokens: string[]) => ({
      content: tokens.map((token) => ({ token, logprob: -1 })),
    })
    const with_ = (id: string, content: string, ...tokens: string[]) =>
      chunk(id, { delta: { content }, logprobs: marks(...tokens) })
    const joint = jointOf('replay', '', [with_('a', 'one', 'one'), with_('a', ' two', ' two')])
    const [joined] = read(joint.push([with_('b', 'one two three', 'one', ' two', ' three')]))
    assert.deepEqual(joined?.choices[0], {
      index: 0,
      delta: { content: ' three' },
      logprobs: marks(' three'),
    })
  })

  test('of several choices goes on with each where it was', () => {
    const at = (index: number, content: string, finish: string | null = null) =>
      bytes({ id: 'x', choices: [{ index, delta: { content }, finish_reason: finish }] })
    const joint = jointOf('replay', '', [at(0, 'a'), at(1, 'x'), at(0, 'b', 'stop'), at(1, 'y')])
    const replayed = [at(1, 'xyz'), at(0, 'ab', 'stop'), at(1, '', 'length')]
    assert.deepEqual(
      read(joint.push(replayed)).map(({ choices }) => choices[0]),
      [
        { index: 1, delta: { content: 'z' }, finish_reason: null },
        { index: 1, delta: { content: '' }, finish_reason: 'length' },
      ],
    )
  })
})
