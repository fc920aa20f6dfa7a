import assert from 'node:assert/strict'
import { test } from 'vitest'
import { publishedManifest } from './manifest.ts'

const manifest = {
  name: '@hanse/one',
  version: '1.2.3',
  exports: {
    '.': './src/index.ts',
    './page': { browser: './src/page/browser.ts', default: './src/page/node.ts' },
    './testing': './src/testing/fixtures.ts',
  },
  dependencies: { '@hanse/two': '*', other: '^1.0.0' },
  devDependencies: { vitest: '5.1.0' },
}

test('what is published names what was built, and the release of its sibling', () => {
  const published = publishedManifest(manifest, new Map([['@hanse/two', '1.2.3']]))
  assert.deepEqual(published.exports, {
    '.': { types: './dist/index.d.ts', default: './dist/index.js' },
    './page': {
      browser: { types: './dist/page/browser.d.ts', default: './dist/page/browser.js' },
      default: { types: './dist/page/node.d.ts', default: './dist/page/node.js' },
    },
  })
  assert.deepEqual(published.dependencies, { '@hanse/two': '1.2.3', other: '^1.0.0' })
  assert.equal(published.devDependencies, undefined)
})

test('an entry that is no source is refused', () => {
  const wrong = { ...manifest, exports: { '.': './index.js' } }
  assert.throws(() => publishedManifest(wrong, new Map()), /index\.js/u)
})
