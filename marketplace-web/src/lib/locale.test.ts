import { expect, test } from 'vitest'
import { localeOf, localized, plainPath } from './locale.ts'

test('the language is the first part of a path, and English has none', () => {
  expect(localeOf('/de')).toBe('de')
  expect(localeOf('/de/market')).toBe('de')
  for (const path of ['/', '/market', '/demo', '/design/de']) expect(localeOf(path)).toBe('en')
})

test('a path without its language is the route', () => {
  expect(plainPath('/de')).toBe('/')
  expect(plainPath('/de/market')).toBe('/market')
  expect(plainPath('/demo')).toBe('/demo')
})

test('a link goes to the page in the same language', () => {
  expect(localized('/market', 'en')).toBe('/market')
  expect(localized('/market', 'de')).toBe('/de/market')
  expect(localized('/', 'de')).toBe('/de')
  expect(localized('/#how', 'de')).toBe('/de#how')
})
