import assert from 'node:assert/strict'
import { afterAll, beforeAll, test } from 'vitest'
import type { Engine, EngineRequest } from '../../engine/engine.ts'
import { openTiny, STORY, TINY } from '../../engine/llama/testing.ts'
import type { InferenceRequest } from '../request.ts'
import { choicesOf, mapTexts, parseChunk } from './chunk.ts'
import { Delivered } from './delivered.ts'
import { Joint } from './joint.ts'
import { waysOn } from './ways-on.ts'

const DIGEST = 'sha256:tiny'
const OUTPUT_TOKENS_MAX = 200
let engine: Engine

beforeAll(async () => {
  engine = await openTiny()
})

afterAll(async () => {
  await engine[Symbol.asyncDispose]()
})

interface Delta {
  readonly tokens: number
  readonly payload: Uint8Array
}

async function answerTo(request: InferenceRequest): Promise<Delta[]> {
  const asked: EngineRequest = {
    kind: request.kind,
    model: TINY,
    body: request.body,
    maxOutputTokens: request.maxOutputTokens ?? OUTPUT_TOKENS_MAX,
  }
  const deltas: Delta[] = []
  for await (const events of engine.run(asked, AbortSignal.timeout(20_000)))
    for (const event of events) if (event.type === 'delta') deltas.push(event)
  return deltas
}

function textOf(payloads: readonly Uint8Array[]): string {
  let text = ''
  for (const payload of payloads) {
    for (const choice of choicesOf(parseChunk(payload) ?? {})) {
      mapTexts(choice, (_index, _channel, piece) => {
        text += piece
        return piece
      })
    }
  }
  return text
}

/** Cuts the answer after `at` chunks, and has another engine go on with it. */
async function cutAt(request: InferenceRequest, whole: readonly Delta[], at: number) {
  const before = whole.slice(0, at)
  const tokens = before.reduce((sum, delta) => sum + delta.tokens, 0)
  const delivered = new Delivered()
  delivered.add(before.map(({ payload }) => payload))
  const model = { digest: DIGEST, capabilities: ['chat', 'continuation'] }
  const way = waysOn(request, delivered.read(), tokens, DIGEST).at(model)
  assert.ok(way !== undefined)
  const joint = new Joint(way, delivered.read(), { input: 0, output: tokens })
  const after = await answerTo(way.request)
  const joined = joint.push(after.map(({ payload }) => payload))
  return { way, payloads: [...before.map(({ payload }) => payload), ...joined] }
}

const requestOf = (kind: 'chat' | 'completion', body: object): InferenceRequest => ({
  kind,
  model: TINY,
  maxOutputTokens: undefined,
  body: new TextEncoder().encode(JSON.stringify({ temperature: 0, ...body })),
  policy: {},
})

test.each([
  ['a chat', requestOf('chat', { messages: [{ role: 'user', content: STORY }] })],
  ['a completion', requestOf('completion', { prompt: 'Once upon a time', max_tokens: 60 })],
])(
  '%s that is cut anywhere and gone on with is the same answer, space for space',
  async (_, request) => {
    const whole = await answerTo(request)
    const expected = textOf(whole.map(({ payload }) => payload))
    assert.ok(whole.length > 50, expected)
    // The last two are its finish and its usage.
    for (let at = 2; at < whole.length - 2; at += 5) {
      const { payloads, way } = await cutAt(request, whole, at)
      assert.equal(way.method, 'prefix')
      assert.equal(textOf(payloads), expected, `cut after ${at} chunks`)
      const chunks = payloads.map((payload) => parseChunk(payload) ?? {})
      assert.equal(
        new Set(chunks.map(({ id, created, model }) => JSON.stringify([id, created, model]))).size,
        1,
      )
      const choices = chunks.flatMap((chunk) => choicesOf(chunk))
      assert.equal(
        choices.filter(({ finish_reason: reason }) => typeof reason === 'string').length,
        1,
      )
    }
  },
)

test('the tokens of both parts together are no more than were asked for', async () => {
  const messages = [{ role: 'user', content: STORY }]
  const request = { ...requestOf('chat', { messages, max_tokens: 20 }), maxOutputTokens: 20 }
  const whole = await answerTo(request)
  const { payloads } = await cutAt(request, whole, 11)
  assert.equal(textOf(payloads), textOf(whole.map(({ payload }) => payload)))
  assert.match(new TextDecoder().decode(payloads.at(-1)), /"finish_reason":"length"/u)
})
