import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { canonicalName } from './canonical-name.ts'
import { isAtLeast, isRemote, ollamaModel, versionOf, weightsDigest } from './ollama-model.ts'

const HEX = 'a'.repeat(64)

describe('the context that is offered', () => {
  const info = { 'general.architecture': 'llama', 'llama.context_length': 8192 }
  const show = { model_info: info, capabilities: ['completion'] }
  const of = (parameters: string, running: number | undefined, wanted?: number): number =>
    ollamaModel(
      'm',
      {
        tag: {},
        show: { ...show, parameters },
        loaded: running === undefined ? undefined : { context_length: running },
      },
      { contextLength: wanted, version: [0, 12, 11] },
    ).contextLength

  test.each([
    ['Ollama’s default', 4096, '', undefined, undefined],
    ['what it is loaded with', 6000, '', 6000, undefined],
    ['not the little that another program asked for', 4096, '', 512, undefined],
    [
      'that of the Modelfile',
      2048,
      'stop "x"\nnum_ctx                        2048',
      6000,
      undefined,
    ],
    ['what the owner says', 5000, 'num_ctx 2048', 6000, 5000],
    ['at most what the model was trained with', 8192, '', undefined, 100_000],
  ] as const)('is %s', (_what, expected, parameters, running, wanted) => {
    assert.equal(of(parameters, running, wanted), expected)
  })
})

test.each([
  ['of prompt and response', '{{ .Prompt }}<|end|>{{ .Response }}', true],
  [
    'of messages that looks for the last one',
    '{{ range .Messages }}{{ .Content }}{{ if not $last }}<|end|>{{ end }}{{ end }}',
    true,
  ],
  [
    'of messages that ends each one',
    '{{ range .Messages }}{{ .Content }}<|end|>{{ end }}<|assistant|>',
    false,
  ],
])('a template %s: whether the model can go on with an answer', (_, template, expected) => {
  const show = { template, capabilities: ['completion'] }
  const options = { contextLength: undefined, version: [0, 12, 11] } as const
  const { capabilities } = ollamaModel('m', { tag: {}, show, loaded: undefined }, options)
  assert.equal(capabilities.includes('continuation'), expected)
})

test('the digest is that of the weights’ own bytes, and null when an adapter lies on them', () => {
  const from = `# FROM llama3.2:3b\n\nFROM /root/.ollama/models/blobs/sha256-${HEX}\nTEMPLATE x`
  assert.equal(weightsDigest(from), `sha256:${HEX}`)
  assert.equal(weightsDigest(`${from}\nFROM /blobs/sha256-${'b'.repeat(64)}`), `sha256:${HEX}`)
  assert.equal(weightsDigest(`${from}\nADAPTER /blobs/sha256-${HEX}`), null)
  assert.equal(weightsDigest('FROM llama3.2'), null)
})

test('what runs in the cloud is no model of this machine', () => {
  assert.equal(isRemote({ name: 'gpt-oss:120b-cloud' }), true)
  assert.equal(isRemote({ name: 'x', remote_host: 'https://ollama.com:443' }), true)
  assert.equal(isRemote({ name: 'cloudy:3b', model: 'cloudy:3b' }), false)
})

test('versions are compared by their numbers, and one built from source is the newest', () => {
  assert.equal(isAtLeast(versionOf('0.12.6'), [0, 12, 6]), true)
  assert.equal(isAtLeast(versionOf('0.9.10'), [0, 12, 6]), false)
  assert.equal(isAtLeast(versionOf('1.0.0-rc1'), [0, 12, 6]), true)
  assert.equal(isAtLeast(versionOf('0.0.0'), [0, 12, 6]), true)
})

describe('a name on the market', () => {
  const info = {
    'general.basename': 'Llama-3.2',
    'general.size_label': '3B',
    'general.finetune': 'Instruct',
  }
  test('is the publisher’s, where name and metadata agree', () => {
    const name = 'meta-llama/llama-3.2-3b-instruct:q4_k_m'
    assert.equal(canonicalName('llama3.2:3b', info, 'Q4_K_M'), name)
    assert.equal(canonicalName('llama3.2:latest', info, 'Q4_K_M'), name)
    assert.equal(canonicalName('llama3.2:3b-instruct-q4_K_M', info, 'Q4_K_M'), name)
  })
  test.each([
    ['mario:latest', info, 'Q4_K_M'],
    ['someone/llama3.2:3b', info, 'Q4_K_M'],
    ['llama3.2:1b', info, 'Q4_K_M'],
    ['llama3.2:3b', info, null],
    ['llama3.2:3b', {}, 'Q4_K_M'],
    ['house', { ...info, 'general.basename': 'house' }, 'Q4_K_M'],
  ] as const)('is not made up for %s of %j at %s', (id, metadata, quantization) => {
    assert.equal(canonicalName(id, metadata, quantization), undefined)
  })
})
