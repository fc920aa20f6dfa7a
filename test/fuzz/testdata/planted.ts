import type { Target } from '@hanse/protocol/testing/fuzz'
import fc from 'fast-check'

/** Targets with one fault each, that the fuzzer must find. */

const inputs = fc.uint8Array({ maxLength: 64 })
const kept: Uint8Array[] = []

const planted = (name: string, run: Target['run']): Target => ({ name, inputs, run, cost: 'cheap' })

export const TARGETS: readonly Target[] = [
  planted('right', () => undefined),
  planted('throws', (input) => {
    if (input.includes(0x42)) throw new TypeError('planted')
  }),
  planted('hangs', (input) => {
    while (input.includes(0x43));
  }),
  planted('overflows', (input) => {
    if (input.includes(0x44)) TARGETS.find(({ name }) => name === 'overflows')?.run(input)
  }),
  planted('allocates', (input) => {
    // As a reader does that believes a length.
    if (input.includes(0x45)) kept[0] = new Uint8Array(1 << 28)
  }),
  planted('leaks', () => {
    kept.push(new Uint8Array(1 << 18).fill(1))
  }),
]
