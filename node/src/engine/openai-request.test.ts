import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { EngineRequest } from './engine.ts'
import { encodeJson, parseJsonObject } from './json.ts'
import { upstreamBody } from './openai-request.ts'

const request = { kind: 'chat', model: 'own', maxOutputTokens: 100 } as const

function sent(body: object, more: Partial<EngineRequest> = {}, seeds = false): unknown {
  return parseJsonObject(upstreamBody({ ...request, body: encodeJson(body), ...more }, { seeds }))
}

const streamed = { model: 'own', stream: true, stream_options: { include_usage: true } }

describe('the seed of the session', () => {
  const fixed = { id: 'i', created: 1, model: 'fixed/model', seed: 7 }
  test('goes into a body that has none, where the engine knows it', () => {
    const expected = { ...streamed, max_tokens: 100, seed: 7 }
    assert.deepEqual(sent({}, { fixed }, true), expected)
    assert.deepEqual(sent({ seed: null }, { fixed }, true), expected)
  })
  test('does not take the place of the client’s, and bothers no engine that may not know it', () => {
    assert.deepEqual(sent({ seed: 3 }, { fixed }, true), { ...streamed, seed: 3, max_tokens: 100 })
    assert.deepEqual(sent({}, { fixed }), { ...streamed, max_tokens: 100 })
    assert.deepEqual(sent({}, {}, true), { ...streamed, max_tokens: 100 })
  })
})

test('several choices share the order’s limit', () => {
  assert.deepEqual(sent({ n: 3 }), { ...streamed, n: 3, max_tokens: 33 })
  assert.deepEqual(sent({ n: 200, max_tokens: 50 }), { ...streamed, n: 200, max_tokens: 1 })
})

test('a request to embed is neither streamed nor limited', () => {
  const body = { input: 'a', stream: true, stream_options: {}, dimensions: 3, model: 'market' }
  assert.deepEqual(sent(body, { kind: 'embedding' }), { input: 'a', dimensions: 3, model: 'own' })
})

test('a body that is no object is the client’s fault', () => {
  assert.throws(() => sent([]), { code: 'HANSE_ENGINE_REFUSED' })
})

test('customers of one engine do not share what it keeps of prompts', () => {
  const saltOf = (customer: string, own?: string) => {
    const body = encodeJson({ messages: [], ...(own === undefined ? {} : { cache_salt: own }) })
    const salted = upstreamBody({ ...request, body, customer }, { salts: true })
    return parseJsonObject(salted)?.cache_salt
  }
  assert.match(String(saltOf('a')), /^[\w-]{43}$/u)
  assert.equal(saltOf('a'), saltOf('a'))
  const salts = [saltOf('a'), saltOf('b'), saltOf('a', 'b'), saltOf('b', 'a'), saltOf('b', 'b')]
  assert.equal(new Set(salts).size, salts.length)
  assert.deepEqual(sent({}, { customer: 'a' }), { ...streamed, max_tokens: 100 })
})
