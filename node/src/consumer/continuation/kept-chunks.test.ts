import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeptChunks } from './kept-chunks.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('chunks that are kept', () => {
  test('come back byte for byte, whatever they are', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom('{"a":"', '{"bb":"'), fc.string({ maxLength: 12 }))
        .map(([head, text]) => bytes(`${head}${text}","rest":[1,2,3]}`)),
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 30 }), (chunks) => {
        const kept = new KeptChunks()
        for (const each of chunks) kept.add(each)
        expect([...kept]).toEqual(chunks.map((each) => new Uint8Array(each)))
      }),
    )
  })

  test('take a tenth of the room where only a word differs', () => {
    const chunk = (word: string): Uint8Array =>
      bytes(
        `{"id":"chatcmpl-123","object":"chat.completion.chunk","created":1700000000,"model":"a/b","choices":[{"index":0,"delta":{"content":"${word}"},"logprobs":null,"finish_reason":null}]}`,
      )
    const kept = new KeptChunks()
    let whole = 0
    for (let i = 0; i < 1_000; i++) {
      kept.add(chunk(` word${i}`))
      whole += chunk(` word${i}`).byteLength
    }
    expect(kept.byteLength).toBeLessThan(whole / 7)
    expect([...kept][999]).toEqual(chunk(' word999'))
  })

  test('do not hold what they were a part of', () => {
    const much = new Uint8Array(1 << 20)
    const kept = new KeptChunks()
    kept.add(much.subarray(0, 3))
    much.fill(9)
    expect([...kept]).toEqual([new Uint8Array(3)])
  })
})
