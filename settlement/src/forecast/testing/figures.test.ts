import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GUIDE, publicFigures, written } from './figures.ts'

test('the guide has the figures of the public series', () => {
  expect(written(readFileSync(GUIDE, 'utf8'), 'public')).toBe(publicFigures())
})
