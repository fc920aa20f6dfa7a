import assert from 'node:assert/strict'
import { test } from 'vitest'
import { modelsOf } from './model-facts.ts'

const facts = { extra: undefined, assumedContextLength: 4096 } as const

test('llama.cpp’s context is that of one slot, not the model’s own', () => {
  const entry = { id: 'qwen-Q4_K_M.gguf', meta: { n_ctx_train: 131_072, n_params: 7e9, size: 4e9 } }
  const extra = {
    total_slots: 4,
    default_generation_settings: { n_ctx: 2048 },
    modalities: { vision: true },
  }
  const [model] = modelsOf([entry], { ...facts, program: 'llama.cpp', extra })
  assert.equal(model?.contextLength, 2048)
  assert.equal(model?.slots, 4)
  assert.equal(model?.quantization, 'Q4_K_M')
  assert.equal(model?.parameters, 7e9)
  assert.ok(model?.capabilities.includes('vision'))
  assert.ok(model?.capabilities.includes('structured'))
  assert.ok(model?.capabilities.includes('continuation'))
})

test('LM Studio tells of each model what it is', () => {
  const extra = {
    data: [
      {
        id: 'a',
        type: 'vlm',
        quantization: '4bit',
        loaded_context_length: 8192,
        capabilities: ['tool_use'],
      },
      { id: 'b', type: 'embeddings', max_context_length: 2048 },
    ],
  }
  const [a, b] = modelsOf([{ id: 'a' }, { id: 'b' }], { ...facts, program: 'lm-studio', extra })
  assert.equal(a?.contextLength, 8192)
  assert.equal(a?.quantization, '4bit')
  assert.deepEqual(a?.capabilities, ['chat', 'completion', 'tools', 'vision'])
  assert.deepEqual(b?.capabilities, ['embedding'])
})

test('TGI’s context is what its launcher was told, and nothing is made up for others', () => {
  const [tgi] = modelsOf([{ id: 'm' }], {
    ...facts,
    program: 'tgi',
    extra: { max_total_tokens: 2000 },
  })
  assert.equal(tgi?.contextLength, 2000)
  const [other] = modelsOf([{ id: 'm', max_model_len: -5 }, 7, { name: 'x' }], {
    ...facts,
    program: 'openai',
  })
  assert.equal(other?.contextLength, 4096)
  assert.equal(other?.digest, null)
  assert.equal(other?.reproducible, null)
})
