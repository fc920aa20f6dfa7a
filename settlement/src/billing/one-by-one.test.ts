import { expect, test } from 'vitest'
import { PaymentsError } from '../stripe/index.ts'
import { allPages, oneByOne } from './one-by-one.ts'

const unanswered = () => new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'no answer')

test('one that fails keeps none of the others waiting, and is told at the end', async () => {
  const done: number[] = []
  const work = async (item: number) => {
    if (item === 1) throw unanswered()
    if (item === 3) throw new TypeError('an answer that nobody expected')
    done.push(item)
  }
  await expect(oneByOne([1, 2, 3, 4], work)).rejects.toThrow('no answer')
  expect(done).toEqual([2, 4])
})

test('it ends when Stripe answers for none of several in a row', async () => {
  let asked = 0
  const work = () => {
    asked++
    return Promise.reject(unanswered())
  }
  await expect(oneByOne(Array.from({ length: 9 }), work)).rejects.toThrow('no answer')
  expect(asked).toBe(3)
})

test('a list is read to its end, a page at a time', async () => {
  const ids = Array.from({ length: 401 }, (_, n) => String(n + 100))
  const read = async (after: string, limit: number) =>
    ids.filter((id) => id > after).slice(0, limit)
  const seen: string[] = []
  for await (const id of allPages(read, (one) => one)) seen.push(id)
  expect(seen).toEqual(ids)
})
