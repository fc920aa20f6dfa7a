import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RUNS } from '../testing/fixtures.ts'
import { chunkOf, SessionDriver, type SessionOptions } from '../testing/session-driver.ts'
import { utf8 } from '../wire.ts'
import type { ProviderFrame } from './frames.ts'
import {
  SILENT_TOKENS_MAX,
  shownBytes,
  shownText,
  type Tokenizer,
  utf8Length,
} from './plausibility.ts'

const chunk = (value: unknown) => utf8(JSON.stringify(value))
const delta = (fields: unknown) => chunk({ choices: [{ index: 0, delta: fields }] })
const ones = (count: number) => Array.from({ length: count }, () => 1)

describe('the text that a chunk shows', () => {
  test.each([
    ['content', delta({ role: 'assistant', content: 'häuser' }), 'häuser'],
    ['thoughts', delta({ reasoning_content: 'hm, ', content: 'yes' }), 'yeshm, '],
    ['a refusal', delta({ refusal: 'no' }), 'no'],
    [
      'tool calls',
      delta({
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      }),
      'f{}',
    ],
    [
      'all choices',
      chunk({ choices: [{ delta: { content: 'a' } }, { delta: { content: 'b' } }] }),
      'ab',
    ],
    ['a completion', chunk({ choices: [{ text: 'once' }] }), 'once'],
    [
      'no padding beside it',
      chunk({ padding: 'x'.repeat(99), choices: [{ delta: { x: 'y' } }] }),
      '',
    ],
    ['usage', chunk({ choices: [], usage: { completion_tokens: 9 } }), ''],
    ['not JSON', utf8('data: hello'), ''],
    ['not UTF-8', Uint8Array.of(0xff, 0xfe), ''],
    ['another shape', chunk([1, null, { choices: 'many' }]), ''],
    ['inherited names', chunk({ choices: [{ delta: { __proto__: { content: 'x' } } }] }), ''],
  ])('%s', (_, payload, text) => expect(shownText(payload)).toBe(text))

  test('has the length that an encoder gives it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: 'grapheme' }),
          fc.constantFrom('\uD800', '\uDC00\uD800x', '𐍈€é'),
        ),
        (text) => utf8Length(text) === utf8(text).byteLength,
      ),
      { numRuns: RUNS.cheap },
    )
  })

  test('is never longer than the chunk, whatever the chunk is', () => {
    const content = fc.string({ unit: 'binary' }).map((text) => delta({ content: text }))
    const payloads = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json().map(utf8), content)
    fc.assert(
      fc.property(payloads, (payload) => shownBytes(payload) <= BigInt(payload.byteLength)),
      { numRuns: RUNS.cheap },
    )
  })
})

describe('a provider that counts more than it shows', () => {
  const inflate = (tokens: number) => (frame: ProviderFrame) =>
    frame.t === 'delta'
      ? [{ ...frame, items: frame.items.map(([, p]): [number, Uint8Array] => [tokens, p]) }]
      : [frame]

  test('is cut off', () => {
    const session = new SessionDriver({ engine: { chunks: ones(100) }, toConsumer: inflate(2) })
    session.run()
    expect(session.consumer.ended?.reason).toBe('protocol-violation')
    expect(session.consumer.ended?.error?.code).toBe('HANSE_RECEIPT_TOKENS')
  })
})

describe('a consumer with the tokenizer', () => {
  /** Four letters a token. */
  const tokenizer = (inputTokens: bigint): Tokenizer => ({
    inputTokens,
    outputTokensMax: (text) => BigInt(Math.ceil(text.length / 4)),
  })
  const run = (options: SessionOptions) => new SessionDriver(options).run().consumer
  const payload = (i: number) => chunkOf(i, 4)

  test('countersigns right counts', () => {
    const engine = { chunks: ones(100), payload }
    const { ended, receipts } = run({ tokenizer: tokenizer(10n), engine })
    expect(ended?.reason).toBe('completed')
    expect(receipts.at(-1)?.value.outputTokens).toBe(100n)
  })

  test('refuses output that bytes alone would let pass', () => {
    const engine = { chunks: ones(100).map(() => 3), payload }
    expect(run({ engine }).ended?.reason).toBe('completed')
    const { ended, receipts } = run({ tokenizer: tokenizer(10n), engine })
    expect(ended?.error?.code).toBe('HANSE_RECEIPT_TOKENS')
    // It lost no more than what it saw coming: the silent tokens.
    const paid = receipts.at(-1)?.value.outputTokens ?? 0n
    expect(paid).toBeLessThanOrEqual(100n + SILENT_TOKENS_MAX)
  })

  test('refuses an acceptance of more input tokens than there are', () => {
    const { ended } = run({ tokenizer: tokenizer(9n) })
    expect(ended?.reason).toBe('protocol-violation')
    expect(ended?.error?.code).toBe('HANSE_RECEIPT_TOKENS')
  })
})
