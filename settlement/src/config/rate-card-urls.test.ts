import { expect, test } from 'vitest'
import { rateCardUrlsSetting } from './rate-card-urls.ts'

test('cards are given with their addresses, and the provider of a list', () => {
  const text = 'acme=https://acme.example/card.json, mix:openai=https://lists.example/all.json?x=1,'
  expect(rateCardUrlsSetting.parse(text)).toEqual([
    { card: 'acme', url: 'https://acme.example/card.json', provider: null },
    { card: 'mix', url: 'https://lists.example/all.json?x=1', provider: 'openai' },
  ])
  expect(rateCardUrlsSetting.parse([])).toEqual([])
})

test('what is no card with an address is refused', () => {
  const wrong = [
    'https://acme.example/card.json',
    'acme=nowhere',
    'acme=ftp://acme.example/',
    'ACME=https://acme.example/',
    'acme:=https://acme.example/',
    'acme=https://a.example/,acme=https://b.example/',
  ]
  for (const text of wrong) expect(rateCardUrlsSetting.safeParse(text).success, text).toBe(false)
})
