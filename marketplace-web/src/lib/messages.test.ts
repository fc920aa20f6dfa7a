import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const source = join(import.meta.dirname, '..')
const messages = join(source, '..', 'messages')
const read = (locale: string): Record<string, string> =>
  JSON.parse(readFileSync(join(messages, `${locale}.json`), 'utf8'))
const en = read('en')
const de = read('de')
const holes = (text: string | undefined) => (text?.match(/\{[a-zA-Z]+\}/gu) ?? []).toSorted()

test('every message is there in both languages, with the same holes in it', () => {
  expect(Object.keys(de)).toEqual(Object.keys(en))
  for (const [key, text] of Object.entries(en)) expect(holes(de[key]), key).toEqual(holes(text))
})

test('no message is empty, and none is there that no page shows', () => {
  const used = new Set(
    readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:svelte|ts)$/u.test(path) && !path.startsWith('paraglide'))
      .flatMap((path) => readFileSync(join(source, path), 'utf8').match(/\bm\.[a-z0-9_]+/gu) ?? [])
      .map((use) => use.slice(2)),
  )
  expect(Object.keys(en).filter((key) => !used.has(key))).toEqual([])
  expect(Object.entries({ ...en, ...de }).filter(([, text]) => text.trim() === '')).toEqual([])
})
