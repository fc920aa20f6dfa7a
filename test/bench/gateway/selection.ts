import type { Scenario } from '../scenarios.ts'
import { SIDE_NAMES, type SideName, type Target } from './rig.ts'

export interface Selection {
  readonly sides: readonly SideName[]
  readonly scenarios: readonly Scenario<Target>[]
}

/**
 * What `--only` leaves: names of sides and of scenarios, in any order; all of a kind of which it names none.
 * @throws {RangeError} when a name is neither
 */
export function select(
  only: string | undefined,
  scenarios: readonly Scenario<Target>[],
): Selection {
  const names = only?.split(',').map((name) => name.trim()) ?? []
  const ids = scenarios.map(({ id }) => id)
  const unknown = names.find((name) => !ids.includes(name) && !isSide(name))
  if (unknown !== undefined)
    throw new RangeError(`--only ${unknown}: one of ${[...SIDE_NAMES, ...ids].join(', ')}`)
  const sides = SIDE_NAMES.filter((name) => names.includes(name))
  const chosen = scenarios.filter(({ id }) => names.includes(id))
  return {
    sides: sides.length === 0 ? SIDE_NAMES : sides,
    scenarios: chosen.length === 0 ? scenarios : chosen,
  }
}

function isSide(name: string): name is SideName {
  return (SIDE_NAMES as readonly string[]).includes(name)
}
