import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { EngineError } from '../engine.ts'
import type { BuiltInEngine } from './built-in-engine.ts'
import { chatRequest, eventsOf, FRANCE, openTiny, textOf } from './testing.ts'

let engine: BuiltInEngine

beforeAll(async () => {
  engine = await openTiny()
})
afterAll(async () => await engine?.[Symbol.asyncDispose]())

const answered = async (response_format: unknown, more: Record<string, unknown> = {}) =>
  await textOf(engine, chatRequest(FRANCE, { response_format, ...more }))
const schemaOf = (schema: object) => ({ type: 'json_schema', json_schema: { name: 'x', schema } })

const CITY = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 20 },
    kind: { enum: ['town', 'capital'] },
    founded: { type: ['integer', 'null'] },
    rivers: { type: 'array', items: { $ref: '#/$defs/River' }, minItems: 1, maxItems: 2 },
  },
  required: ['name', 'kind', 'founded', 'rivers'],
  additionalProperties: false,
  $defs: { River: { type: 'object', properties: { long: { type: 'boolean' } } } },
}

describe('an answer', () => {
  test('is any object of JSON where that was asked for', async () => {
    const whole = JSON.parse(await answered({ type: 'json_object' })) as unknown
    assert.ok(typeof whole === 'object' && whole !== null)
  })

  test('fits its schema, however hot it is sampled', async () => {
    for (const seed of [1, 2, 3]) {
      const city = JSON.parse(await answered(schemaOf(CITY), { temperature: 1.5, seed })) as {
        name: string
        kind: string
        founded: unknown
        rivers: { long: unknown }[]
      }
      assert.deepEqual(Object.keys(city), ['name', 'kind', 'founded', 'rivers'])
      assert.ok(city.name.length <= 20 && ['town', 'capital'].includes(city.kind))
      assert.ok(city.founded === null || Number.isInteger(city.founded))
      assert.ok(city.rivers.length === 1 || city.rivers.length === 2)
      for (const { long } of city.rivers) assert.equal(typeof long, 'boolean')
    }
  })

  test('fits a schema in llama.cpp’s own form, too', async () => {
    const format = { type: 'json_object', schema: { enum: ['yes', 'no'] } }
    assert.match(await answered(format), /^"(?:yes|no)"$/u)
  })

  test('is what it would be without, when text was asked for', async () => {
    assert.equal(await answered({ type: 'text' }), await answered(undefined))
    assert.equal(await answered(null), 'The capital of France is Paris.')
  })

  test('is the same again with the same seed', async () => {
    const request = chatRequest(FRANCE, {
      response_format: schemaOf(CITY),
      seed: 7,
      temperature: 1,
    })
    assert.equal(await textOf(engine, request), await textOf(engine, request))
  })

  test('that is cut ends with its length', async () => {
    const format = schemaOf({ type: 'array', items: { type: 'integer' }, minItems: 100 })
    const request = chatRequest(FRANCE, { response_format: format, max_tokens: 5 })
    const end = (await eventsOf(engine, request)).at(-1)
    assert.ok(end?.type === 'end' && end.finishReason === 'length')
  })
})

test.each<[string, unknown, RegExp]>([
  ['no object', 'json', /must be an object/u],
  ['of no type', { type: 'xml' }, /json_object or json_schema/u],
  ['without its schema', { type: 'json_schema', json_schema: {} }, /must be an object/u],
  ['that no grammar keeps', schemaOf({ type: 'string', pattern: '^a' }), /schema\.pattern/u],
  ['too large for one', schemaOf({ type: 'string', minLength: 3000 }), /too large/u],
])('a format %s is refused', async (_, format, words) => {
  await assert.rejects(
    answered(format),
    (error) =>
      error instanceof EngineError &&
      error.code === 'HANSE_ENGINE_REFUSED' &&
      words.test(error.message),
  )
  // The engine goes on.
  assert.equal(await answered(null), 'The capital of France is Paris.')
})
