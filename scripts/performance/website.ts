import type { Figure, Section } from './catalogue.ts'
import { told } from './told.ts'

const PLAIN = 'a plain table of all rows'
const ONE_WORD = { limit: 'one word that changes', other: PLAIN }
const STILL = { limit: 'a page in which nothing moves', other: PLAIN }
const HEADING = { limit: 'a page of one heading' }

type What = readonly [id: string, title: string, unit: string, beside?: Partial<Figure>]

function figure([id, title, unit, beside]: What): Figure {
  return {
    id: `web-${id}`,
    bench: 'web',
    title,
    unit,
    better: 'lower',
    read: told(`web-${id}`),
    ...beside,
  }
}

function table(name: string, title: string): What[] {
  const filtered = {
    ...ONE_WORD,
    because:
      'rows that come into sight are made anew, where a table of few rows has them all already',
  }
  const scrolled = {
    ...STILL,
    because: 'each frame makes the rows that come into sight, where a plain table only moves',
  }
  return [
    [`filter-${name}-p50`, `${title}, a filter answers, p50`, 'ms', filtered],
    [`filter-${name}-p95`, `${title}, a filter answers, p95`, 'ms', filtered],
    [
      `scroll-${name}-rate`,
      `${title}, frames while it scrolls`,
      'a second',
      { ...scrolled, better: 'higher' },
    ],
    [`scroll-${name}-p95`, `${title}, between two frames, p95`, 'ms', scrolled],
    [`scroll-${name}-gaps`, `${title}, frames with a row missing`, '%'],
    [`elements-${name}`, `${title}, elements of the page`, 'elements', { other: PLAIN }],
  ]
}

export const WEBSITE: Section = {
  title: 'The website',
  text: 'Tables in Chromium that have only the rows in sight in the page, beside a plain table that has all of them there, shown and hidden by the same filters and scrolled the same way. A filter is measured from the key press until the frame with its rows is painted; the limit is one word that changes. Scrolled is from one end to the other in five seconds, by a step each frame; the limit is a page in which nothing moves. The landing page is loaded with an empty cache; the limit is a page of nothing but its heading.',
  figures: [
    ...table('receipts', '10,000 receipts'),
    ...table('offers', '512 offers'),
    ['landing-lcp-p50', 'landing page, largest contentful paint, p50', 'ms', HEADING] as const,
    ['landing-lcp-p95', 'landing page, largest contentful paint, p95', 'ms', HEADING] as const,
    ['landing-shift', 'landing page, cumulative layout shift, the worst load', ''] as const,
    ['landing-script', 'landing page, JavaScript of the first load, compressed', 'kB'] as const,
    ['landing-style', 'landing page, style sheets, compressed', 'kB'] as const,
  ].map(figure),
}
