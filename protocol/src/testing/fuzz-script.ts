import fc from 'fast-check'
import { decodeCanonical, encodeCanonical } from '../wire.ts'
import { mutated } from './fuzz-mutations.ts'
import { unlessRefused } from './fuzz-target.ts'

/** One thing that happens to a state machine: what it is, a number for it to be taken from, and bytes that arrive. */
export interface Step {
  readonly op: number
  readonly n: number
  readonly bytes: Uint8Array
}

/** Steps for one machine. */
const STEPS_MAX = 200

/** Scripts as bytes, so that a machine is fuzzed, shrunk and replayed like a decoder. */
export function scripts(
  opsCount: number,
  frames: fc.Arbitrary<Uint8Array>,
  /** How a session that goes well begins. */
  preludes: readonly (readonly Step[])[],
): fc.Arbitrary<Uint8Array> {
  const step = fc.record({
    op: fc.nat(opsCount - 1),
    n: fc.oneof(fc.nat(8), fc.nat(1000)),
    bytes: fc.oneof(
      { arbitrary: fc.constant(new Uint8Array(0)), weight: 3 },
      { arbitrary: frames, weight: 1 },
    ),
  })
  const some = fc.array(step, { maxLength: 24, size: 'max' })
  return fc
    .constantFrom(...preludes)
    .chain((prelude) => fc.tuple(fc.constant(prelude), fc.nat(prelude.length), some))
    .map(([prelude, length, steps]) => [...prelude.slice(0, length), ...steps])
    .map((steps) => encodeCanonical(steps.map(({ op, n, bytes }) => [op, n, bytes])))
}

/** Whole frames, and mutated ones. */
export const framesLike = (frames: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(fc.constantFrom(...frames), mutated(fc.constantFrom(...frames)))

export const step = (op: number, n = 0, bytes: Uint8Array = new Uint8Array(0)): Step => ({
  op,
  n,
  bytes,
})

/** The steps that bytes write; none when they write none. */
export function readScript(input: Uint8Array): readonly Step[] {
  const list = unlessRefused(() => decodeCanonical(input, 1 << 22))
  if (!Array.isArray(list)) return []
  return list.slice(0, STEPS_MAX).flatMap((item: unknown): Step[] => {
    const [op, n, bytes] = Array.isArray(item) ? (item as readonly unknown[]) : []
    const isStep = typeof op === 'number' && typeof n === 'number' && bytes instanceof Uint8Array
    return isStep && op >= 0 && n >= 0 ? [{ op, n, bytes }] : []
  })
}
