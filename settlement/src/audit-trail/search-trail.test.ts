import { expect, test } from 'vitest'
import { searchTrail } from './search-trail.ts'
import type { TrailEvent } from './trail-event.ts'
import type { TrailQuery } from './trail-store.ts'

const EVENTS = 12_000

/** A trail of which every thousandth event is about a model. */
function trail() {
  let opened = 0
  const trailEvents = async ({ before, limit }: TrailQuery): Promise<TrailEvent[]> => {
    const newest = before === undefined ? EVENTS : Number(before) - 1
    const found = Array.from({ length: Math.min(limit, newest) }, (_, i) => eventOf(newest - i))
    opened += found.length
    return found
  }
  return { store: { trailEvents }, opened: () => opened }
}

const eventOf = (id: number): TrailEvent => ({
  id: BigInt(id),
  kind: 'receipt-settled',
  at: id,
  record: null,
  leaf: null,
  seal: 'open',
  details: id % 1000 === 0 ? { model: 'rare' } : { model: 'common' },
  facts: null,
})

const ASKED = { viewer: { organization: 'o' }, from: 0, to: 1e9, model: 'rare', limit: 3 } as const

test('one search opens so many events and no more, and says where to go on', async () => {
  const { store, opened } = trail()
  const found: bigint[] = []
  let before: bigint | undefined
  let searches = 0
  for (;;) {
    const page = await searchTrail(store, { ...ASKED, ...(before !== undefined && { before }) })
    searches++
    found.push(...page.events.map(({ id }) => id))
    expect(page.scanned).toBeLessThanOrEqual(5_000)
    if (page.next === null) break
    before = page.next
  }
  expect(found).toEqual(Array.from({ length: 12 }, (_, i) => BigInt(EVENTS - i * 1000)))
  expect(searches).toBeGreaterThan(3)
  expect(opened()).toBeLessThan(2 * EVENTS)
})

test('a search that finds nothing is bounded as well', async () => {
  const { store, opened } = trail()
  const page = await searchTrail(store, { ...ASKED, model: 'none' })
  expect(page).toEqual({ events: [], next: 7001n, scanned: 5000 })
  expect(opened()).toBe(5000)
})

test('a page ends with its last event, and the next begins after it', async () => {
  const { store } = trail()
  const page = await searchTrail(store, { ...ASKED, limit: 1 })
  expect(page.events.map(({ id }) => id)).toEqual([12_000n])
  expect(page.next).toBe(12_000n)
})
