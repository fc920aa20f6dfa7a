import { expect, test } from 'vitest'
import { Random } from './random.ts'

const draws = (random: Random, count = 50) => Array.from({ length: count }, () => random.next())

test('a seed gives the same numbers each time, and another seed others', () => {
  expect(draws(new Random('one'))).toEqual(draws(new Random('one')))
  expect(draws(new Random('one'))).not.toEqual(draws(new Random('two')))
})

test('a fork depends on its name and not on what was drawn before', () => {
  const late = new Random('one')
  draws(late)
  expect(draws(late.fork('network'))).toEqual(draws(new Random('one').fork('network')))
  expect(draws(late.fork('network'))).not.toEqual(draws(late.fork('disk')))
})

test('numbers are spread evenly', () => {
  const random = new Random('even')
  const counts = Array.from({ length: 8 }, () => 0)
  for (let i = 0; i < 8_000; i++) {
    const bin = random.between(0, 7)
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  const mean = Array.from({ length: 10_000 }, () => random.exponential(40)).reduce((a, b) => a + b)
  expect(Math.abs(mean / 10_000 - 40)).toBeLessThan(2)
})
