import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { readWishes } from './policy.ts'

const read = (body: object, headers: Readonly<Record<string, string>> = {}) => {
  const { tags, user } = readWishes(body as never, { get: (name) => headers[name] })
  return { tags, user }
}

describe('for whom a request is', () => {
  test('is told by our own headers, and by fields of the body', () => {
    const headers = {
      'x-hanse-tags': 'batch, nightly',
      'x-hanse-team': 'web',
      'x-hanse-feature': 'chat',
      'x-hanse-prompt-version': 'support-7',
      'x-hanse-user': 'u-1',
    }
    const tags = ['team:web', 'feature:chat', 'prompt:support-7', 'batch', 'nightly']
    assert.deepEqual(read({}, headers), { tags, user: 'u-1' })
    const hanse = {
      tags: ['batch', 'nightly'],
      team: 'web',
      feature: 'chat',
      prompt_version: 'support-7',
      user: 'u-1',
    }
    assert.deepEqual(read({ hanse }), { tags, user: 'u-1' })
  })

  test.each<[string, object, Readonly<Record<string, string>>]>([
    ['OpenAI', { user: 'u-1', metadata: { team: 'web', trace: 'left out' } }, {}],
    ['OpenAI since then', { safety_identifier: 'u-1', metadata: { team: 'web' } }, {}],
    [
      'LiteLLM',
      { metadata: { team_id: 'web' } },
      { 'x-litellm-end-user-id': 'u-1', 'x-litellm-spend-logs-metadata': '{"x":1}' },
    ],
    ['Portkey', {}, { 'x-portkey-metadata': '{"_user":"u-1","team":"web"}' }],
    ['Helicone', {}, { 'helicone-user-id': 'u-1', 'helicone-property-team': 'web' }],
  ])('is told as clients of %s tell it', (_whose, body, headers) => {
    assert.deepEqual(read(body, headers), { tags: ['team:web'], user: 'u-1' })
  })

  test('has the tags of LiteLLM where there are none of ours', () => {
    const body = { metadata: { tags: ['a', 7, ''] } }
    assert.deepEqual(read(body, { 'x-litellm-tags': 'b, c' }).tags, ['b', 'c', 'a'])
    assert.deepEqual(read(body, { 'x-hanse-tags': 'ours' }).tags, ['ours'])
  })

  test('of others is left out when it is malformed, and of ours is refused', () => {
    const long = 'x'.repeat(257)
    assert.deepEqual(read({ user: 7, metadata: 'text' }, { 'x-portkey-metadata': '{' }), {
      tags: [],
      user: undefined,
    })
    assert.deepEqual(read({ user: long, metadata: { team: long } }).tags, [])
    assert.throws(() => read({}, { 'x-hanse-team': long }), /x-hanse-team/u)
    assert.throws(() => read({ hanse: { team: 7 } }), /hanse\.team/u)
  })

  test('is bounded, whatever comes together', () => {
    const tags = Array.from({ length: 16 }, (_, i) => `t${i}`)
    const found = read({ hanse: { tags, team: 'web' } }).tags
    assert.deepEqual([found.length, found[0]], [16, 'team:web'])
  })
})
