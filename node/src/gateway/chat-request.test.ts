import assert from 'node:assert/strict'
import { HanseError } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { parseChatRequest } from './chat-request.ts'

const parse = (value: unknown) => parseChatRequest(new TextEncoder().encode(JSON.stringify(value)))
const valid = { model: 'a/b', messages: [{ role: 'user', content: 'hi' }] }

describe('a chat request', () => {
  test('yields what the gateway has to know', () => {
    assert.deepEqual(
      parse({ ...valid, stream: true, stream_options: { include_usage: true }, max_tokens: 5 }),
      {
        model: 'a/b',
        stream: true,
        includeUsage: true,
        maxOutputTokens: 5,
      },
    )
    assert.equal(parse({ ...valid, max_tokens: 5, max_completion_tokens: 7 }).maxOutputTokens, 7)
  })

  test.each([
    [{ messages: valid.messages }, 'model'],
    [{ ...valid, messages: 'hi' }, 'messages'],
    [{ ...valid, messages: [] }, 'messages'],
    [{ ...valid, messages: [{ content: 'no role' }] }, 'messages.0.role'],
    [{ ...valid, max_tokens: -1 }, 'max_tokens'],
    [{ ...valid, max_tokens: 1.5 }, 'max_tokens'],
    [{ ...valid, stream: 'yes' }, 'stream'],
    [{ ...valid, n: 2 }, 'n'],
    [[], 'body'],
  ])('with a wrong field names it: %j', (body, param) => {
    assert.throws(() => parse(body), { code: 'HANSE_REQUEST_INVALID', param })
  })

  test('of any bytes is read or refused with a code, never a crash', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (body) => {
          try {
            parseChatRequest(body)
          } catch (error) {
            assert.ok(error instanceof HanseError)
          }
        },
      ),
    )
  })
})
