import type { PicoEuro } from '#lib/money.ts'
import type { Row } from './rows.ts'

/** What can be had for at most a price. */
export type Step = {
  /** Of a million output tokens, euro: for drawing, not for counting. */
  readonly price: number
  readonly exact: PicoEuro
  /** Answers that can be written at once, at this price and below. */
  readonly free: number
  readonly all: number
}

/** How deep the market of a model is, a step for each price, the cheapest first. */
export function depthOf(rows: readonly Row[], model: string): Step[] {
  const offered = rows
    .filter((row) => row.model === model)
    .sort((a, b) => (a.outputPrice < b.outputPrice ? -1 : a.outputPrice > b.outputPrice ? 1 : 0))
  const steps: Step[] = []
  let [free, all] = [0, 0]
  for (const { outputPrice, freeSlots, slots } of offered) {
    free += freeSlots
    all += slots
    if (steps.at(-1)?.exact === outputPrice) steps.pop()
    steps.push({ price: Number(outputPrice) / 1e6, exact: outputPrice, free, all })
  }
  return steps
}

export type Corner = { readonly price: number; readonly free: number; readonly all: number }

/** The steps as a line has them: up at each price, level until the next, and on to `until`. */
export function cornersOf(steps: readonly Step[], until: number): Corner[] {
  const first = steps[0]
  if (first === undefined) return []
  const corners: Corner[] = [{ price: first.price, free: 0, all: 0 }]
  steps.forEach(({ price, free, all }, at) => {
    const next = steps[at + 1]?.price ?? until
    corners.push({ price, free, all }, { price: next, free, all })
  })
  return corners
}
