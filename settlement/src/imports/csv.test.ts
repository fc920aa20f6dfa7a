import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvRows } from './csv.ts'
import { LineFault } from './line-fault.ts'

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

async function read(text: string, size = 7) {
  const rows: unknown[] = []
  for await (const { line, value } of csvRows(pieces(text, size))) {
    rows.push([line, value instanceof LineFault ? value.code : Object.fromEntries(value)])
  }
  return rows
}

const quoted = (field: string, delimiter: string): string =>
  /["\r\n]/u.test(field) || field.includes(delimiter) ? `"${field.replaceAll('"', '""')}"` : field

test('whatever is written by RFC 4180 is read back, however it is cut', async () => {
  const field = fc.string({
    unit: fc.constantFrom('a', 'é', '"', ',', ';', '\n', '\r\n', ' '),
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(field, field, field), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(',', ';'),
      fc.constantFrom('\n', '\r\n'),
      async (rows, size, delimiter, end) => {
        const all = [['a', 'b', 'c'], ...rows]
        const text = all
          .map((row) => row.map((one) => quoted(one, delimiter)).join(delimiter) + end)
          .join('')
        const found = await read(text, size)
        expect(found.map((row) => (row as [number, object])[1])).toEqual(
          rows.map(([a, b, c]) => ({ a, b, c })),
        )
      },
    ),
    { numRuns: 150 },
  )
})

test('a row that is wrong fails alone, and lines are counted as an editor counts them', async () => {
  const text = 'a,b\n1,2\n3\n"x\ny",4\n5,"6"7\n8,9"\n10,11'
  for (const size of [1, 2, 1000]) {
    expect(await read(text, size)).toEqual([
      [2, { a: '1', b: '2' }],
      [3, 'HANSE_IMPORT_FORMAT'],
      [4, { a: 'x\ny', b: '4' }],
      [6, 'HANSE_IMPORT_FORMAT'],
      [7, 'HANSE_IMPORT_FORMAT'],
      [8, { a: '10', b: '11' }],
    ])
  }
})

test('no header, two columns of one name, and a quote that never ends are refused', async () => {
  await expect(read('')).rejects.toMatchObject({ code: 'HANSE_IMPORT_FORMAT' })
  await expect(read('a,a\n1,2')).rejects.toMatchObject({ code: 'HANSE_IMPORT_FORMAT' })
  expect(await read('a,b\n1,"2\n3,4\n')).toEqual([[2, 'HANSE_IMPORT_FORMAT']])
})

test('a row of more than a mebibyte is not kept in memory', async () => {
  const text = `a,b\n1,"${'x'.repeat(1024 * 1024 + 1)}"\n2,3\n`
  for (const size of [65_536, text.length]) {
    expect(await read(text, size)).toEqual([
      [2, 'HANSE_IMPORT_LIMIT'],
      [3, { a: '2', b: '3' }],
    ])
  }
  await expect(read('a'.repeat(1024 * 1024 + 1), 65_536)).rejects.toMatchObject({
    code: 'HANSE_IMPORT_LIMIT',
  })
})

test('quotes without end take no more than time in proportion', async () => {
  const quotes = `a,b\n1,${'"'.repeat(1_000_000)}x\n`
  expect(await read(quotes, quotes.length)).toHaveLength(1)
  expect(
    await read(`${'"'.repeat(999_999)}\n`, 65_536).catch((error: unknown) => error),
  ).toMatchObject({
    code: 'HANSE_IMPORT_FORMAT',
  })
})
