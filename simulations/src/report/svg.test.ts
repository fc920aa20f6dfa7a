import { expect, test } from 'vitest'
import { bars } from './bars.ts'
import { plot } from './plot.ts'

const HEIGHT_OF_BAR =
  /<rect class="dot c0" x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)"\/>/gu

test('bars are as high as their values, below zero too, with their intervals', () => {
  const svg = bars({
    title: 'EUR',
    up: 'EUR',
    categories: ['a & b', 'c'],
    series: [
      {
        name: 'earned',
        values: [
          { mean: 1, off: 0.5 },
          { mean: -0.5, off: Number.POSITIVE_INFINITY },
        ],
      },
    ],
  })
  const [first, second] = [...svg.matchAll(HEIGHT_OF_BAR)].map(([, height]) => Number(height))
  expect(first).toBeCloseTo(2 * (second ?? 0), 0)
  expect(svg.match(/class="whisker"/gu)).toHaveLength(1)
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toMatch(/NaN|Infinity/u)
})

test('a curve shows how far its points may be off, and no more labels than fit', () => {
  const points = Array.from({ length: 60 }, (_, i) => [i, 10, 2] as const)
  const svg = plot({ title: 't', across: 'x', up: 'y', curves: [{ name: 'c', points }] })
  expect(svg.match(/class="curve thin c0"/gu)).toHaveLength(60)
  expect(svg.match(/text-anchor="middle"/gu)?.length).toBeLessThan(16)
})
