import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { hanse } from '../support/hanse.ts'
import { type OllamaDouble, startOllamaDouble } from '../support/ollama-double.ts'

let folder = ''
let ollama: OllamaDouble
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-ollama-pull-'))
  ollama = await startOllamaDouble()
})
afterAll(async () => {
  await ollama?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const pull = async (model: string) =>
  await hanse(['models', 'pull', model], folder, { OLLAMA_HOST: ollama.url })

test('hanse models pull has Ollama fetch a model into its own store', async () => {
  const { code, stdout } = await pull('ollama:qwen3:4b')
  assert.equal(code, 0)
  assert.match(stdout, /pulling [0-9a-f]{12}/u)
  assert.match(stdout, /Ollama has qwen3:4b/u)
  const tags = (await (await fetch(`${ollama.url}/api/tags`)).json()) as {
    models: { name: string }[]
  }
  assert.ok(tags.models.some(({ name }) => name === 'qwen3:4b'))
})

test('and says what Ollama says when there is no such model', async () => {
  const { code, stderr } = await pull('ollama:missing')
  assert.equal(code, 1)
  assert.match(stderr, /file does not exist.*HANSE_MODEL_DOWNLOAD/u)
  assert.equal((await pull('ollama:no model')).code, 1)
})
