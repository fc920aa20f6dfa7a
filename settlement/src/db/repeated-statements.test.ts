import { expect, test } from 'vitest'
import { RepeatedStatements } from './repeated-statements.ts'

const COUNTED = 5

function comes(statements: RepeatedStatements, text: string, times: number) {
  return Array.from({ length: times }, () => statements.nameOf(text))
}

test('a text has a name of its own once it came often, and keeps it', () => {
  const statements = new RepeatedStatements()
  const first = comes(statements, 'select $1', COUNTED + 2)
  expect(first.slice(0, COUNTED - 1)).toEqual([undefined, undefined, undefined, undefined])
  expect(new Set(first.slice(COUNTED - 1)).size).toBe(1)
  expect(comes(statements, 'select $2', COUNTED).at(-1)).not.toBe(first.at(-1))
})

test('it is one that PostgreSQL does not cut, the same in each process', () => {
  const [name] = [new RepeatedStatements(), new RepeatedStatements()].map((statements) =>
    comes(statements, `select ${'x'.repeat(10_000)}`, COUNTED).at(-1),
  )
  expect(name).toMatch(/^hanse_[\w-]{1,57}$/u)
})

test('no more are kept than there are places', () => {
  const statements = new RepeatedStatements()
  const names = Array.from({ length: 300 }, (_, i) =>
    comes(statements, `select ${i}`, COUNTED).at(-1),
  )
  expect(new Set(names.filter((name) => name !== undefined)).size).toBe(256)
  expect(names.slice(256).every((name) => name === undefined)).toBe(true)
})
