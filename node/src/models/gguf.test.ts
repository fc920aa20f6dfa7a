import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'vitest'
import { readGguf } from './gguf.ts'
import { Sandbox, TINY, TINY_PATH } from './testing/sandbox.ts'

test('a header tells what a model is', async () => {
  assert.deepEqual(await readGguf(TINY_PATH), {
    architecture: 'llama',
    quantization: 'F16',
    contextLength: 512,
    parameters: 1_476_224,
    licence: 'Apache-2.0',
    licenceLink: null,
    name: 'Hanse Tiny',
  })
})

test('a file that is cut anywhere is known as cut', async () => {
  using sandbox = new Sandbox()
  const path = sandbox.path('m.gguf')
  await fc.assert(
    fc.asyncProperty(fc.nat(TINY.length - 1), async (length) => {
      writeFileSync(path, TINY.subarray(0, length))
      await assert.rejects(readGguf(path), { code: 'HANSE_MODEL_FILE' })
    }),
    { numRuns: 60, examples: [[0], [3], [24], [TINY.length - 1]] },
  )
})

test('whatever a header claims, reading it ends, with facts or with a fault', async () => {
  using sandbox = new Sandbox()
  const path = sandbox.path('m.gguf')
  const head = TINY.subarray(0, 60_000)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(2_000), fc.constantFrom(0, 1, 8, 9, 0x7f, 0xff)), { minLength: 1 }),
      async (changes) => {
        const bytes = Buffer.from(head)
        for (const [at, value] of changes) bytes[at] = value
        writeFileSync(path, bytes)
        await readGguf(path).catch((error: unknown) =>
          assert.equal((error as { code?: string }).code, 'HANSE_MODEL_FILE'),
        )
      },
    ),
    { numRuns: 300 },
  )
})
