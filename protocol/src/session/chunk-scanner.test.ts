import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RUNS } from '../testing/fixtures.ts'
import { utf8 } from '../wire.ts'
import { ChunkScanner } from './chunk-scanner.ts'
import { shownText, utf8Length } from './plausibility.ts'

const scanner = new ChunkScanner()

/** What the scanner says, if it says anything; it must never differ from what a parser finds. */
function scanned(payload: Uint8Array): number | undefined {
  return scanner.scan(payload) ? scanner.shownBytes : undefined
}

const parsed = (payload: Uint8Array): number => utf8Length(shownText(payload))

const COMMON = [
  '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" t1"},"logprobs":null,"finish_reason":null}]}',
  '{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}',
  '{ "choices" : [ { "delta" : { "reasoning_content" : "hm" , "content" : "\\n\\"x\\u00e9\\"" } } ] }',
  '{"choices":[{"delta":{"content":"Grüße, 世界 👋"}}],"timings":{"ms":[1.5,-2e-3,0,-0.5E+9]}}',
  '{"choices":[{"text":"once","index":0}]}',
  '{"choices":[],"usage":{"prompt_tokens":1}}',
  '{"choices":[{"delta":{},"finish_reason":"stop"},{"delta":null,"text":null}]}',
]

describe('the scanner of chunks', () => {
  test.each(COMMON)('reads %s', (text) => {
    const payload = utf8(text)
    expect(scanned(payload)).toBe(parsed(payload))
  })

  test.each([
    ['names that come twice', '{"choices":[{"delta":{"content":"a","content":"bc"}}]}'],
    ['lists that come twice', '{"choices":[],"choices":[{"text":"a"}]}'],
    ['escaped names', '{"choices":[{"delta":{"c\\u006fntent":"abc"}}]}'],
    ['surrogates', '{"choices":[{"delta":{"content":"\\ud83d\\udc4b"}}]}'],
    ['tool calls', '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}'],
    ['a byte order mark', '\u{FEFF}{"choices":[]}'],
    ['no choices', '{"object":"list"}'],
    ['choices that are no list', '{"choices":{"delta":{}}}'],
    ['a list', '[]'],
    ['nothing', ''],
  ])('leaves %s to a parser', (_, text) => expect(scanned(utf8(text))).toBeUndefined())

  test.each([
    '{"choices":[]',
    '{"choices":[]}}',
    '{"choices":[],}',
    '{"choices":[{"text":"a"},]}',
    '{"choices":[{"text":"a"}{"text":"b"}]}',
    '{"choices":[{"text":"a\\x"}]}',
    '{"choices":[{"text":"a\u0001"}]}',
    '{"choices":[{"text":"a}]}',
    '{"choices":[],"n":01}',
    '{"choices":[],"n":1.}',
    '{"choices":[],"n":+1}',
    '{"choices":[],"n":1e}',
    '{"choices":[],"n":nul}',
    '{"choices":[],n:1}',
    '{"choices":[],"n" 1}',
  ])('leaves %s, which is no JSON, to a parser', (text) => {
    expect(() => JSON.parse(text) as unknown).toThrow()
    expect(scanned(utf8(text))).toBeUndefined()
  })

  test('never says anything else than a parser, whatever is in a chunk', () => {
    fc.assert(
      fc.property(chunks, (chunk) => {
        const payload = utf8(JSON.stringify(chunk))
        expect([undefined, parsed(payload)]).toContain(scanned(payload))
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('never says anything else than a parser, whatever byte is wrong', () => {
    const damage = fc.record({
      text: fc.constantFrom(...COMMON),
      at: fc.nat(400),
      remove: fc.nat(3),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', '.', 'e', ' ').map(utf8),
      ),
    })
    fc.assert(
      fc.property(damage, ({ text, at, remove, insert }) => {
        const bytes = [...utf8(text)]
        bytes.splice(at % bytes.length, remove, ...insert)
        const payload = Uint8Array.from(bytes)
        // The chunk before leaves its shape behind, which this one nearly has.
        expect(scanned(utf8(text))).toBeDefined()
        expect([undefined, parsed(payload)]).toContain(scanned(payload))
      }),
      { numRuns: RUNS.cheap * 4 },
    )
  })

  test('reads one chunk after the other of an answer, and of several', () => {
    const texts = fc.array(fc.tuple(fc.nat(2), fc.string({ unit: 'grapheme' })), { minLength: 2 })
    const chunk = (model: number, content: string) =>
      utf8(JSON.stringify({ model, choices: [{ index: 0, delta: { content } }], usage: null }))
    fc.assert(
      fc.property(texts, (answers) => {
        for (const [model, content] of answers) {
          expect(scanned(chunk(model, content))).toBe(utf8Length(content))
          expect(scanner.speaking).toBe(content === '' ? 0 : 1)
          expect(scanner.isPlain).toBe(true)
        }
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('is not led astray by bytes that change after it has read them', () => {
    const bytes = utf8('{"choices":[{"text":"a"}],"usage":null}')
    expect(scanned(bytes)).toBe(1)
    const other = utf8('{"choices":[{"text":"a"}],"usage":1234}')
    bytes.set(other)
    expect(scanned(bytes)).toBe(1)
    expect(scanner.isPlain).toBe(false)
  })

  test.each([
    [0, { index: 0, delta: { content: 'a' }, logprobs: null, finish_reason: null }, true],
    [1, { delta: { content: 'a' }, finish_reason: 'stop' }, false],
    [2, { delta: { content: 'a' }, logprobs: { content: [] } }, false],
  ])('tells a chunk that is text alone from another (%i)', (_, choice, isPlain) => {
    expect(scanner.scan(utf8(JSON.stringify({ choices: [choice] })))).toBe(true)
    expect({ plain: scanner.isPlain, speaking: scanner.speaking }).toEqual({
      plain: isPlain,
      speaking: 1,
    })
  })

  test.each(['usage', 'error'])('tells a chunk with a %s from text alone', (field) => {
    const chunk = (value: unknown) => utf8(JSON.stringify({ choices: [], [field]: value }))
    expect(scanner.scan(chunk(null)) && scanner.isPlain).toBe(true)
    expect(scanner.scan(chunk({})) && !scanner.isPlain).toBe(true)
  })
})

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\n', '"', '\\', '\u2028', '\uD800', '𐍈€é', '\u0000'),
)
const values = fc.oneof(texts, fc.jsonValue({ maxDepth: 3 }))
const names = (...known: string[]) => fc.oneof(fc.constantFrom(...known), texts)
const deltas = fc.dictionary(
  names('content', 'reasoning', 'reasoning_content', 'refusal', 'role', 'tool_calls'),
  values,
  { maxKeys: 5 },
)
const choices = fc.dictionary(
  names('delta', 'text', 'index', 'finish_reason', 'logprobs', 'message'),
  fc.oneof({ weight: 3, arbitrary: deltas }, values),
  { maxKeys: 5 },
)
const chunks = fc.dictionary(
  names('choices', 'usage', 'error', 'id', 'delta'),
  fc.oneof({ weight: 3, arbitrary: fc.array(fc.oneof(choices, values), { maxLength: 3 }) }, values),
  { maxKeys: 5 },
)
