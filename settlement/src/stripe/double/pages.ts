import type Stripe from 'stripe'
import { invalidRequest } from './fault.ts'
import type { Created, Page } from './params.ts'

/** One page of a v1 list, newest first. `items` are in the order of creation. */
export function pageOf<T extends { readonly id: string }>(
  url: string,
  items: readonly T[],
  page: Page,
): Stripe.ApiList<T> {
  const newestFirst = items.toReversed()
  const position = (id: string, param: string): number => {
    const index = newestFirst.findIndex((item) => item.id === id)
    if (index < 0) throw invalidRequest(`No such object: '${id}'`, 'resource_missing', param)
    return index
  }
  let from = 0
  let to = newestFirst.length
  if (page.starting_after !== undefined) {
    from = position(page.starting_after, 'starting_after') + 1
  }
  const backwards = page.ending_before !== undefined
  if (page.ending_before !== undefined) to = position(page.ending_before, 'ending_before')
  const rest = newestFirst.slice(from, to)
  const data = backwards ? rest.slice(-page.limit) : rest.slice(0, page.limit)
  return { object: 'list', data, has_more: rest.length > data.length, url }
}

export function createdWithin(createdS: number, range: Created | undefined): boolean {
  if (range === undefined) return true
  if (typeof range === 'number') return createdS === range
  return (
    (range.gt === undefined || createdS > range.gt) &&
    (range.gte === undefined || createdS >= range.gte) &&
    (range.lt === undefined || createdS < range.lt) &&
    (range.lte === undefined || createdS <= range.lte)
  )
}
