import assert from 'node:assert/strict'
import { SILENT_TOKENS_MAX, shownText } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { builtInModelPath } from './built-in-model.ts'
import { LlamaEngine } from './llama-engine.ts'
import { type ModelTokenizer, openTokenizer } from './llama-tokenizer.ts'

const MODEL = 'hanse-tiny-v1'
const bodyOf = (content: string, temperature: number) =>
  new TextEncoder().encode(
    JSON.stringify({ messages: [{ role: 'user', content }], temperature, seed: 7 }),
  )

describe('a tokenizer without the weights', () => {
  let engine: LlamaEngine
  let tokenizer: ModelTokenizer
  beforeAll(async () => {
    engine = await LlamaEngine.open({ modelPath: builtInModelPath() })
    tokenizer = await openTokenizer(builtInModelPath())
  })
  afterAll(async () => {
    await engine[Symbol.asyncDispose]()
    await tokenizer[Symbol.asyncDispose]()
  })

  test('is of the model that offers name', async () => {
    assert.equal((await engine.models())[0]?.digest, tokenizer.digest)
  })

  test.each([
    ['Hello', 0],
    ['Tell me a story about the sea', 0.8],
    ['Was ist das? ÄÖÜ 日本語', 2],
  ])('counts %s as the engine does', async (content, temperature) => {
    const body = bodyOf(content, temperature)
    const request = { kind: 'chat', model: MODEL, body, maxOutputTokens: 200 } as const
    assert.equal(BigInt(await engine.countInputTokens(request)), tokenizer.countInputTokens(body))
    let text = ''
    let tokens = 0n
    for await (const events of engine.run(request, new AbortController().signal)) {
      for (const event of events) {
        if (event.type !== 'delta') continue
        text += shownText(event.payload)
        tokens += BigInt(event.tokens)
      }
    }
    assert.ok(tokens > 5n)
    const most = tokenizer.outputTokensMax(text) + SILENT_TOKENS_MAX
    assert.ok(tokens <= most, `${tokens} tokens, at most ${most}`)
    // The bound is worth something: bytes would allow several times as much.
    assert.ok(most < BigInt(text.length) + SILENT_TOKENS_MAX)
  })

  test('says what is wrong with a file that is none', async () => {
    await assert.rejects(openTokenizer('models/nothing.gguf'), { code: 'HANSE_ENGINE_FAILED' })
  })
})
