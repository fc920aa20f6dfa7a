import { expect, test } from 'vitest'
import { bundleIn, bundleLink } from './bundle-link.ts'

test('a bundle comes out of its link as it went in, whatever its bytes', () => {
  for (const length of [0, 1, 2, 255, 70_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 31) % 256)
    const link = bundleLink(bytes)
    if (length > 0) expect(bundleIn(link?.slice('/verify'.length) ?? '')).toEqual(bytes)
    expect(link).toMatch(/^\/verify#bundle=[\w-]*$/u)
  }
})

test('what is too long for an address has no link', () => {
  expect(bundleLink(new Uint8Array(512 * 1024 + 1))).toBeUndefined()
})

test('other fragments bring no bundle', () => {
  for (const hash of ['', '#checks', '#bundle=', '#bundle=a b', '#bundle=a'])
    expect(bundleIn(hash), hash).toBeUndefined()
})
