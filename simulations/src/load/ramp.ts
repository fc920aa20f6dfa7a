import { HELD } from './plan.ts'

/** What was measured at one step of a ramp. */
export interface Step {
  /** Sessions at once, of all consumers. */
  readonly atOnce: number
  readonly providers: number
  readonly consumers: number
  readonly sessionsPerSecond: number
  readonly firstTokenP95Ms: number | undefined
  readonly failedShare: number
  readonly memoryFreeShare: number
}

/** A step that brings less more than this has reached what the machine gives. */
const GAIN_LEAST = 1.1

/** Whether the machine held this load; the first thing that it did not. */
export function brokenBy(step: Step): keyof typeof HELD | undefined {
  if (step.firstTokenP95Ms === undefined || step.firstTokenP95Ms > HELD.firstTokenP95Ms)
    return 'firstTokenP95Ms'
  if (step.failedShare > HELD.failedShareMost) return 'failedShareMost'
  return step.memoryFreeShare < HELD.memoryFreeShareLeast ? 'memoryFreeShareLeast' : undefined
}

/** Whether to go a step further: the last one held, and gave more than the one before. */
export function goesOn(steps: readonly Step[]): boolean {
  const [last, before] = [steps.at(-1), steps.at(-2)]
  if (last === undefined) return true
  if (brokenBy(last) !== undefined) return false
  return before === undefined || last.sessionsPerSecond >= before.sessionsPerSecond * GAIN_LEAST
}

/** The step with most sessions a second among those that held; the first one when none did. */
export function best(steps: readonly Step[]): Step | undefined {
  const held = steps.filter((step) => brokenBy(step) === undefined)
  return held.toSorted((a, b) => b.sessionsPerSecond - a.sessionsPerSecond)[0] ?? steps[0]
}
