import { expect, test } from 'vitest'
import { hashOfTyped, newLinkCode } from './link-code.ts'

test('a code is read in whatever case and with whatever dashes it is typed', () => {
  const { code, hash } = newLinkCode(Uint8Array.from([0, 1, 10, 31, 5, 6, 7, 8, 9, 40]))
  expect(code).toBe('01AZ5-67898')
  for (const typed of [code, '01az567898', ' 0 1az5 - 67898', 'OLaz5-67898', 'oIAZ567898']) {
    expect(hashOfTyped(typed)).toEqual(hash)
  }
})

test('what cannot be a code has no hash', () => {
  for (const typed of ['', '01AZ5', '01AZ5-678989', '01AZ5-6789U', '01AZ5-6789!'])
    expect(hashOfTyped(typed)).toBeUndefined()
})

test('no two codes are alike, and the hash is not the code', () => {
  const made = Array.from({ length: 200 }, () => newLinkCode())
  expect(new Set(made.map(({ code }) => code)).size).toBe(200)
  for (const { code, hash } of made) expect(hashOfTyped(code)).toEqual(hash)
})
