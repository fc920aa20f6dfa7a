import { expect, test } from 'vitest'
import { checkPassword, hashPassword, isPassword } from './password.ts'

const EMAIL = 'ada@example.org'

test('a password is kept as Argon2id at the cost that OWASP recommends', async () => {
  const hash = await hashPassword('a lamp beside the river')
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/u)
  expect(await hashPassword('a lamp beside the river')).not.toBe(hash)
  expect(await isPassword(hash, 'a lamp beside the river')).toBe(true)
  expect(await isPassword(hash, 'a lamp beside the River')).toBe(false)
  expect(await isPassword(null, 'a lamp beside the river')).toBe(false)
})

test('the same characters, however a keyboard composes them, are the same password', async () => {
  const hash = await hashPassword('cr\u00e8me br\u00fbl\u00e9e to go')
  expect(await isPassword(hash, 'cre\u0300me bru\u0302le\u0301e to go')).toBe(true)
})

test('length decides, and neither digits nor signs', () => {
  for (const good of [
    'only small letters here',
    '👩‍🚀🚀🌍🌕🌖🌗🌘🌑🌒🌓',
    'z'.repeat(64).concat('y'.repeat(64)),
  ]) {
    expect(() => checkPassword(good, EMAIL)).not.toThrow()
  }
  for (const bad of ['eleven char', 'é'.repeat(11), `${'z'.repeat(64)}${'y'.repeat(65)}`]) {
    expect(() => checkPassword(bad, EMAIL)).toThrow('12 to 128')
  }
})

test('what everybody tries first is refused', () => {
  for (const bad of [
    'password1234',
    'P-a-s-s-w-o-r-d 1234',
    'QWERTZUIOP123',
    'ababababababab',
    EMAIL,
  ]) {
    expect(() => checkPassword(bad, EMAIL)).toThrow('guess')
  }
})
