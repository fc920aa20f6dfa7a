import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { EngineError } from '../engine.ts'
import { grammarSchemaOf } from './answer-schema.ts'

const TEXT = { type: 'string' }

describe('a schema that a grammar keeps', () => {
  test.each<[string, object, object]>([
    [
      'of an object, with notes',
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        title: 'City',
        type: 'object',
        properties: { name: { ...TEXT, description: 'Its name' }, since: { type: 'integer' } },
        required: ['name'],
      },
      {
        type: 'object',
        properties: { name: TEXT, since: { type: 'integer' } },
        additionalProperties: false,
      },
    ],
    [
      'of any object',
      { type: 'object' },
      { type: 'object', properties: {}, additionalProperties: true },
    ],
    [
      'of a dictionary',
      { type: 'object', additionalProperties: { type: 'number' }, minProperties: 1 },
      {
        type: 'object',
        minProperties: 1,
        properties: {},
        additionalProperties: { type: 'number' },
      },
    ],
    [
      'of a list',
      { type: 'array', items: TEXT, minItems: 1, maxItems: 3 },
      { type: 'array', minItems: 1, maxItems: 3, items: TEXT },
    ],
    [
      'of several types',
      { type: ['string', 'null'], maxLength: 3 },
      { oneOf: [{ ...TEXT, maxLength: 3 }, { type: 'null' }] },
    ],
    ['with anyOf', { anyOf: [TEXT, { const: 1 }] }, { oneOf: [TEXT, { const: 1 }] }],
    ['with one allOf', { allOf: [{ enum: ['a', null] }] }, { enum: ['a', null] }],
    ['of dates', { type: 'string', format: 'date' }, { type: 'string', format: 'date' }],
    [
      'with definitions, by either name',
      { definitions: { Name: TEXT }, type: 'array', items: { $ref: '#/definitions/Name' } },
      { type: 'array', items: { $ref: '#/$defs/Name' }, $defs: { Name: TEXT } },
    ],
  ])('%s', (_, schema, expected) => {
    assert.deepEqual(grammarSchemaOf(schema as Record<string, unknown>), expected)
  })
})

describe('what no grammar keeps is refused by its name:', () => {
  test.each<[string, object]>([
    ['schema.pattern', { ...TEXT, pattern: '^a' }],
    ['schema.minimum', { type: 'number', minimum: 1 }],
    [
      'schema.a.uniqueItems',
      { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } },
    ],
    ['schema.patternProperties', { type: 'object', patternProperties: {} }],
    ['schema.format', { ...TEXT, format: 'email' }],
    ['schema.required', { type: 'object', properties: {}, required: ['b'] }],
    ['schema.allOf', { allOf: [TEXT, TEXT] }],
    ['schema.not', { not: TEXT }],
    ['schema.$ref', { $ref: '#/$defs/none' }],
    ['schema.$ref', { $ref: 'https://example.com/schema' }],
    ['schema.type', {}],
    ['schema.type', { type: 'date' }],
    ['schema.items', { type: 'array', items: false }],
    ['schema.enum', { enum: [{}] }],
    ['schema.maxItems', { type: 'array', minItems: 2, maxItems: 1 }],
  ])('%s', (name, schema) => {
    assert.throws(
      () => grammarSchemaOf(schema as Record<string, unknown>),
      (error) => error instanceof EngineError && error.message.startsWith(name),
    )
  })

  test('one that never ends', () => {
    let schema: object = TEXT
    for (let depth = 0; depth < 10_000; depth++) schema = { type: 'array', items: schema }
    assert.throws(() => grammarSchemaOf(schema as Record<string, unknown>), /deeper than 32/u)
  })
})
