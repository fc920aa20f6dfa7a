import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'vitest'
import { builtInModelPath } from './built-in-model.ts'
import { modelsOfFiles } from './model-files.ts'

test('a file is called by its name, or as it is said', () => {
  assert.deepEqual(
    modelsOfFiles(['models/a-Q4_K_M.GGUF', 'mine=b.gguf', 'me/mine:q4=d.gguf', '/x=y/c.gguf']),
    [
      { id: 'a-Q4_K_M', path: resolve('models/a-Q4_K_M.GGUF') },
      { id: 'mine', path: resolve('b.gguf') },
      { id: 'me/mine:q4', path: resolve('d.gguf') },
      { id: 'c', path: '/x=y/c.gguf' },
    ],
  )
})

test('without files it is the model that ships with the source', () => {
  assert.deepEqual(modelsOfFiles([]), [{ id: 'hanse/tiny-v1:f16', path: builtInModelPath() }])
})

test('two files of one name are a fault of the settings', () => {
  assert.throws(() => modelsOfFiles(['a/m.gguf', 'b/m.gguf']), { code: 'HANSE_CONFIG_INVALID' })
})
