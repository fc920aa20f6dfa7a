import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { chooseVariant, partNames, quantizationOf, variantsOf } from './choose-files.ts'
import { kindOfLicence, warningOf } from './licence.ts'
import { RateMeter } from './rate.ts'
import { parseReference } from './reference.ts'

const HUB = 'https://huggingface.co'

describe('a reference', () => {
  test.for([
    ['acme/Tiny-GGUF', 'acme/Tiny-GGUF', undefined, undefined, undefined],
    ['hf.co/acme/Tiny-GGUF:Q4_K_M', 'acme/Tiny-GGUF', undefined, 'Q4_K_M', undefined],
    ['huggingface.co/acme/Tiny', 'acme/Tiny', undefined, undefined, undefined],
    ['acme/Tiny/sub/t-Q8_0.gguf', 'acme/Tiny', 'sub/t-Q8_0.gguf', undefined, undefined],
    ['https://huggingface.co/acme/Tiny', 'acme/Tiny', undefined, undefined, undefined],
    ['https://hf.co/a/B/blob/main/x.gguf', 'a/B', 'x.gguf', undefined, 'main'],
    ['https://hf.co/a/B/resolve/v1/d/x.gguf?download=true', 'a/B', 'd/x.gguf', undefined, 'v1'],
  ] as const)('of Hugging Face: %s', ([text, repo, file, quantization, revision]) => {
    const expected = { kind: 'hugging-face', repo, revision, file, quantization }
    assert.deepEqual(parseReference(text, HUB), expected)
  })

  test('of a URL, of a file', () => {
    const url = parseReference('https://example.org/m.gguf?x=1', HUB)
    assert.equal(url.kind === 'url' && url.url.href, 'https://example.org/m.gguf?x=1')
    assert.deepEqual(parseReference('file:///m/a%20b.gguf', HUB), {
      kind: 'file',
      path: '/m/a b.gguf',
    })
    assert.deepEqual(parseReference('/m/a.gguf', HUB), { kind: 'file', path: '/m/a.gguf' })
    assert.equal(parseReference('./a.gguf', HUB).kind, 'file')
  })

  test.for([
    '',
    'tiny',
    'acme/../etc',
    'acme/tiny/../../x.gguf',
    'acme/tiny/readme.md',
    'acme/tiny/x.gguf:Q4_K_M',
    'acme/tiny:',
    'acme/tiny:Q4/../x',
    'ftp://example.org/m.gguf',
    'javascript://x/m.gguf',
    'https://example.org/m.zip',
    'https://user:password@example.org/m.gguf',
    'http://',
    'https://hf.co/a/b/resolve/..%2f..%2fx/y.gguf',
    `acme/${'x'.repeat(3000)}`,
    'acme/tiny\u0000',
  ])('that means nothing is refused: %s', (text) => {
    assert.throws(() => parseReference(text, HUB), { code: 'HANSE_REQUEST_INVALID' })
  })
})

describe('the files of a repository', () => {
  const file = (path: string, gigabytes = 1) => ({
    path,
    sizeBytes: gigabytes * 1e9,
    sha256: undefined,
  })
  const none = { file: undefined, quantization: undefined }
  const files = [
    file('README.md'),
    file('m-Q8_0.gguf', 8),
    file('m-Q4_K_M.gguf', 4),
    file('m.i1-IQ2_XXS.gguf', 2),
    file('mmproj-m-f16.gguf'),
    file('m.imatrix.gguf'),
    file('BF16/m-BF16-00002-of-00002.gguf', 9),
    file('BF16/m-BF16-00001-of-00002.gguf', 9),
  ]

  test('tell their quantization', () => {
    for (const [stem, expected] of [
      ['Llama-3.2-1B-Instruct-Q4_K_M', 'Q4_K_M'],
      ['model.i1-IQ3_XXS', 'IQ3_XXS'],
      ['Qwen3-UD-Q4_K_XL', 'UD-Q4_K_XL'],
      ['gpt-oss-20b-mxfp4', 'MXFP4'],
      ['phi-2.fp16', 'F16'],
      ['Q5_K_S/model', 'Q5_K_S'],
      ['hanse-tiny-v1', undefined],
    ] as const) {
      assert.equal(quantizationOf(stem), expected, stem)
    }
  })

  test('are grouped by model, without what is none', () => {
    assert.deepEqual(
      variantsOf(files).map(({ quantization, sizeBytes }) => [quantization, sizeBytes / 1e9]),
      [
        ['Q8_0', 8],
        ['Q4_K_M', 4],
        ['IQ2_XXS', 2],
        ['BF16', 18],
      ],
    )
  })

  test('are chosen by wish, else Q4_K_M, else the only one', () => {
    assert.equal(chooseVariant('a/b', files, none).quantization, 'Q4_K_M')
    const wish = chooseVariant('a/b', files, { ...none, quantization: 'bf16' })
    assert.deepEqual(
      wish.files.map(({ path }) => path),
      ['BF16/m-BF16-00001-of-00002.gguf', 'BF16/m-BF16-00002-of-00002.gguf'],
    )
    assert.equal(chooseVariant('a/b', [file('odd.gguf')], none).stem, 'odd')
    assert.equal(chooseVariant('a/b', files, { ...none, file: 'm-Q8_0.gguf' }).stem, 'm-Q8_0')
  })

  test('are listed for their user when the choice is not clear', () => {
    const without = files.filter(({ path }) => !path.includes('Q4_K_M'))
    for (const [list, asked, message] of [
      [without, none, /has no Q4_K_M; say which you want:\n {2}a\/b:IQ2_XXS {2}2\.00 GB/u],
      [
        files,
        { ...none, quantization: 'Q3_K_S' },
        /has no Q3_K_S:\n[\s\S]*a\/b:BF16 {2}18\.00 GB/u,
      ],
      [files, { ...none, file: 'no.gguf' }, /has no no\.gguf/u],
      [[...files, file('other-Q4_K_M.gguf')], none, /has several of Q4_K_M; name the file/u],
      [[file('model.safetensors')], none, /has no GGUF file/u],
    ] as const) {
      assert.throws(() => chooseVariant('a/b', list, asked), {
        code: 'HANSE_REQUEST_INVALID',
        message,
      })
    }
  })

  test('are refused when a part is missing', () => {
    assert.throws(
      () => chooseVariant('a/b', files.slice(0, -1), { ...none, quantization: 'BF16' }),
      { code: 'HANSE_MODEL_DOWNLOAD', message: /1 of its 2 parts/u },
    )
  })

  test('in parts are named from any of them', () => {
    assert.deepEqual(partNames('/x/m-00002-of-00003.gguf'), [
      '/x/m-00001-of-00003.gguf',
      '/x/m-00002-of-00003.gguf',
      '/x/m-00003-of-00003.gguf',
    ])
    assert.deepEqual(partNames('/x/m.gguf'), ['/x/m.gguf'])
    assert.deepEqual(partNames('/x/m-00001-of-99999.gguf'), ['/x/m-00001-of-99999.gguf'])
  })
})

test('a licence that somebody who sells must read has a warning', () => {
  for (const [name, kind] of [
    ['apache-2.0', 'open'],
    ['Apache-2.0', 'open'],
    ['mit', 'open'],
    ['cc-by-4.0', 'open'],
    ['llama3.1', 'conditions'],
    ['gemma', 'conditions'],
    ['cc-by-nc-4.0', 'non-commercial'],
    ['cc-by-nc-sa-4.0', 'non-commercial'],
    ['mistral-ai-research-license-mrl', 'non-commercial'],
    ['acme-Non-Commercial-licence', 'non-commercial'],
    ['other', 'unknown'],
    ['', 'unknown'],
    ['my-own-licence', 'unknown'],
    [null, 'unknown'],
  ] as const) {
    assert.equal(kindOfLicence(name), kind, String(name))
    assert.equal(warningOf(kind) === undefined, kind === 'open')
  }
})

test('a rate is that of the last seconds', () => {
  const meter = new RateMeter(10_000)
  meter.add(0, 0)
  assert.equal(meter.bytesPerSecond, undefined)
  for (let s = 1; s <= 20; s++) meter.add(s * 1000, s * 1000)
  assert.equal(meter.bytesPerSecond, 1000)
  assert.equal(meter.leftMs(30_000), 10_000)
  for (let s = 21; s <= 40; s++) meter.add(20_000 + (s - 20) * 5000, s * 1000)
  assert.equal(meter.bytesPerSecond, 5000)
  meter.add(10, 41_000)
  assert.equal(meter.bytesPerSecond, undefined)
})
