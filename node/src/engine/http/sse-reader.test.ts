import assert from 'node:assert/strict'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SseReader } from './sse-reader.ts'

const RUNS = 500

/** The events of a stream that comes in these reads. */
function read(reads: readonly Uint8Array[], bytesMax = 1 << 20): [string, string | undefined][] {
  const events: [string, string | undefined][] = []
  const reader = new SseReader(bytesMax, (data, kind) =>
    events.push([Buffer.from(data).toString(), kind]),
  )
  for (const bytes of reads) reader.push(bytes)
  return events
}

/** Cuts the bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.byteLength + 1)), bytes.byteLength]
  let from = 0
  return ends
    .toSorted((a, b) => a - b)
    .map((end) => {
      // A copy, for a read has its own memory.
      const piece = bytes.slice(from, end)
      from = end
      return piece
    })
}

const line = fc.oneof(
  fc.constantFrom('data: {"a":1}', 'data:x', 'data', 'data:', 'data:  y', 'event: error', 'event:'),
  fc.constantFrom(': comment', ':', 'id: 1', 'retry: 10', 'dat: a', 'datas: b', ' data: c', ''),
  fc.string({ unit: fc.constantFrom('d', 'a', 't', ':', ' ', 'ü', '👋') }),
)
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r')))
  .map((lines) => lines.map(([text, end]) => text + end).join(''))

test('any stream, cut anywhere, gives the events of a known parser', () => {
  const bom = fc.constantFrom('', '\u{FEFF}')
  fc.assert(
    fc.property(bom, stream, fc.array(fc.nat(), { maxLength: 8 }), (mark, text, places) => {
      const expected: [string, string | undefined][] = []
      const parser = createParser({ onEvent: ({ data, event }) => expected.push([data, event]) })
      // A last line that ends with CR is not complete for it before it knows what follows.
      parser.feed(`${mark}${text}\n`)
      const bytes = new TextEncoder().encode(`${mark}${text}\n`)
      expect(read(cut(bytes, places))).toEqual(expected)
    }),
    { numRuns: RUNS },
  )
})

test('data that came in one read is a view into it, and other data is left alone by later reads', () => {
  const whole = Buffer.from('data: one\n\n')
  const seen: Uint8Array[] = []
  const reader = new SseReader(100, (data) => seen.push(data))
  reader.push(whole)
  assert.equal(seen[0]?.buffer, whole.buffer)
  for (const piece of ['data: t', 'wo\n\nda', 'ta: three\n', '\ndata: f', 'our\n\n'])
    reader.push(Buffer.from(piece))
  assert.deepEqual(
    seen.map((data) => Buffer.from(data).toString()),
    ['one', 'two', 'three', 'four'],
  )
})

test.each([
  ['a line without an end', () => Buffer.from('x'.repeat(60))],
  ['an event without an end', (n: number) => Buffer.from(`data: ${n}\n`)],
])('%s is given up at the limit', (_, piece) => {
  const reader = new SseReader(100, () => assert.fail('no event is whole'))
  let reads = 0
  while (!reader.isOversized && reads < 200) reader.push(piece(reads++))
  assert.ok(reader.isOversized)
})
