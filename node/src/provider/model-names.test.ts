import assert from 'node:assert/strict'
import { offer, picoEuro } from '@hanse/protocol'
import { makeOffer, provider, sign } from '@hanse/protocol/testing'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Engine } from '../engine/index.ts'
import { marketName, offeredEngineModels, offeredModels } from './model-names.ts'

const terms = {
  inputPrice: picoEuro(1n),
  outputPrice: picoEuro(2n),
  slots: 2,
  maxOutputTokens: 100,
}
const engineModel = (id: string) => ({
  id,
  contextLength: 64,
  digest: null,
  quantization: null,
  capabilities: [],
})

describe('a model’s name on the market', () => {
  test.each([
    ['llama3.2:3b', 'local/llama3.2:3b'],
    ['meta-llama/Llama-3.2-3B-Instruct', 'meta-llama/llama-3.2-3b-instruct'],
    ['/models/My Model.gguf', 'models/my-model.gguf'],
    ['hanse/tiny-v1:f16', 'hanse/tiny-v1:f16'],
  ])('%s becomes %s', (engineName, expected) => assert.equal(marketName(engineName), expected))

  test('is one that an offer can carry, whatever the engine calls it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 100 }), (id) => {
        const [offered] = offeredModels([engineModel(id)], [], terms)
        assert.ok(offered !== undefined)
        sign(offer, { ...makeOffer().value, models: [offered.model] }, 'provider', provider)
      }),
    )
  })

  test('can be chosen, and the engine’s own stays an alias', () => {
    const [offered] = offeredModels(
      [engineModel('llama3'), engineModel('other')],
      ['meta/llama-3:8b=llama3'],
      terms,
    )
    assert.equal(offered?.model.id, 'meta/llama-3:8b')
    assert.deepEqual(offered?.model.aliases, ['llama3'])
    assert.equal(offered?.engineModel, 'llama3')
    assert.equal(offered?.model.maxOutputTokens, 64, 'never more than the context holds')
  })

  test('that the engine lacks is a clear error', () => {
    assert.throws(() => offeredModels([engineModel('a')], ['b'], terms), /no model b; it has a/u)
  })
})

describe('the models of several engines', () => {
  const engine = (name: string) => ({ name }) as Engine
  const [ollama, vllm] = [engine('ollama'), engine('vllm')]
  const canonical = { ...engineModel('llama3.2:3b'), marketName: 'meta-llama/llama-3.2-3b:q4_k_m' }
  const available = [
    { engine: ollama, model: canonical },
    { engine: ollama, model: engineModel('same') },
    { engine: vllm, model: engineModel('same') },
    { engine: vllm, model: engineModel('other') },
  ]

  test('are offered once each, by the first engine that has the name', () => {
    const offered = offeredEngineModels(available, [], terms)
    assert.deepEqual(
      offered.map(({ model, engine: by, engineModel: own }) => [model.id, by.name, own]),
      [
        ['meta-llama/llama-3.2-3b:q4_k_m', 'ollama', 'llama3.2:3b'],
        ['local/same', 'ollama', 'same'],
        ['local/other', 'vllm', 'other'],
      ],
    )
    assert.deepEqual(offered[0]?.model.aliases, ['llama3.2:3b'])
  })

  test('are chosen by their names, and one that none has is a clear error', () => {
    const wanted = ['x/y=other', 'llama3.2:3b']
    const offered = offeredEngineModels(available, wanted, terms)
    assert.deepEqual(
      offered.map(({ model, engine: by }) => [model.id, by.name]),
      [
        ['x/y', 'vllm'],
        ['meta-llama/llama-3.2-3b:q4_k_m', 'ollama'],
      ],
    )
    assert.throws(() => offeredEngineModels(available, ['none'], terms), /no model none/u)
  })
})
