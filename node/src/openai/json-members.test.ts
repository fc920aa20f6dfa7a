import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { editMembers, membersOf } from './json-members.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (json: Uint8Array): string => new TextDecoder().decode(json)
const edit = (json: string, edits: Record<string, string | undefined>): string =>
  text(
    editMembers(
      bytes(json),
      new Map(
        Object.entries(edits).map(([name, value]) => [
          name,
          value === undefined ? undefined : bytes(value),
        ]),
      ),
    ),
  )

describe('editing the members of a JSON object', () => {
  test('leaves every other byte as it was', () => {
    const json =
      '{ "seed": 18446744073709551615 , "hanse" : {"a":[1,"}"]}, "x":1.50, "t":"\\u00e9\\"" }'
    assert.equal(
      edit(json, { hanse: undefined }),
      '{"seed": 18446744073709551615,"x":1.50,"t":"\\u00e9\\""}',
    )
  })

  test('takes out every duplicate, and names that hide behind escapes', () => {
    assert.equal(edit('{"a":1,"n":2,"\\u006e":3,"b":4}', { n: undefined }), '{"a":1,"b":4}')
  })

  test('replaces a value in its place, and adds one that was not there', () => {
    assert.equal(edit('{"a": 1, "b":2}', { a: '[3]' }), '{"a": [3],"b":2}')
    assert.equal(edit('{}', { a: '3' }), '{"a":3}')
  })

  test('gives back the very bytes when there is nothing to do', () => {
    const json = bytes('\uFEFF { "a" : 1 } ')
    assert.equal(editMembers(json, new Map([['b', undefined]])), json)
  })

  test('can leave nothing', () => {
    assert.equal(edit('{"a":true}', { a: undefined }), '{}')
  })

  test('finds what JSON.parse finds, in any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(undefined, 1, '\t'),
        (object, indent) => {
          const json = bytes(JSON.stringify(object, null, indent))
          const found = membersOf(json).map(({ name, valueFrom, to }) => [
            name,
            JSON.parse(text(json.subarray(valueFrom, to))) as unknown,
          ])
          assert.deepEqual(found, Object.entries(JSON.parse(text(json)) as object))
        },
      ),
    )
  })

  test('takes away just the members that it was told to', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (object, nth) => {
        const names = Object.keys(object)
        const gone = names[nth % Math.max(1, names.length)]
        if (gone === undefined || names.includes('__proto__')) return
        const { [gone]: _gone, ...rest } = object
        const edited = edit(JSON.stringify(object), { [gone]: undefined })
        assert.equal(JSON.stringify(JSON.parse(edited)), JSON.stringify(rest))
      }),
    )
  })
})
