import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SettlementError } from '../errors.ts'
import {
  type Breach,
  type BreachStep,
  breachOf,
  CLOCK_MS,
  clockRuns,
  dueAt,
  REMINDER_HOURS,
  RISKS,
  reminderOf,
  take,
} from './breach.ts'

const HOUR_MS = 3_600_000
const START = 1_793_577_600_000
const detected: BreachStep = { kind: 'detected', title: 't', detectedAt: START, beganAt: null }

const instant = fc.integer({ min: START - HOUR_MS, max: START + 5 * 24 * HOUR_MS })
const words = fc.string({ minLength: 1, maxLength: 8 })
const step: fc.Arbitrary<BreachStep> = fc.oneof(
  fc.record({ kind: fc.constant('described' as const), words: fc.record({ nature: words }) }),
  fc.record({
    kind: fc.constant('assessed' as const),
    risk: fc.constantFrom(...RISKS),
    reasons: words,
  }),
  fc.record({
    kind: fc.constant('authority-notified' as const),
    notifiedAt: instant,
    reference: words,
    delay: fc.option(words),
  }),
  fc.record({
    kind: fc.constant('subjects-informed' as const),
    informedAt: instant,
    how: words,
    people: fc.nat(),
  }),
  fc.record({ kind: fc.constant('subjects-exempt' as const), reasons: words }),
  fc.record({ kind: fc.constant('noted' as const), text: words }),
  fc.record({ kind: fc.constant('closed' as const), reasons: words }),
  fc.record({ kind: fc.constant('reopened' as const), reasons: words }),
)

/** What of these steps follows from one another. */
function taken(steps: readonly BreachStep[]): { accepted: BreachStep[]; breach: Breach } {
  let breach = breachOf([detected])
  const accepted = [detected]
  for (const one of steps) {
    try {
      breach = take(breach, one)
      accepted.push(one)
    } catch (error) {
      if (!(error instanceof SettlementError) || error.code !== 'HANSE_BREACH_STEP') throw error
    }
  }
  return { accepted, breach }
}

describe('whatever is done about a breach', () => {
  test('none is closed that the law does not let be closed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { accepted, breach } = taken(steps)
        if (breach.state !== 'closed') return
        const kinds = accepted.map(({ kind }) => kind)
        expect(kinds).toContain('assessed')
        if (breach.risk !== 'unlikely') expect(kinds).toContain('authority-notified')
        if (breach.risk === 'high') {
          expect(
            kinds.some((one) => one === 'subjects-informed' || one === 'subjects-exempt'),
          ).toBe(true)
        }
      }),
    )
  })

  test('an authority that was told late was told why', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { accepted, breach } = taken(steps)
        const { authorityNotifiedAt } = breach
        if (authorityNotifiedAt === null) return
        expect(authorityNotifiedAt).toBeGreaterThanOrEqual(START)
        const first = accepted.find(({ kind }) => kind === 'authority-notified')
        if (authorityNotifiedAt > START + CLOCK_MS)
          expect(first).toMatchObject({ delay: expect.any(String) })
      }),
    )
  })

  test('what was told and when is never told otherwise by a later step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), step, (steps, last) => {
        const { breach } = taken(steps)
        const { breach: after } = taken([...steps, last])
        expect(after.detectedAt).toBe(breach.detectedAt)
        if (breach.authorityNotifiedAt !== null) {
          expect(after.authorityNotifiedAt).toBe(breach.authorityNotifiedAt)
        }
        if (breach.subjectsInformedAt !== null) {
          expect(after.subjectsInformedAt).toBe(breach.subjectsInformedAt)
        }
        if (breach.subjectsExempt) expect(after.subjectsExempt).toBe(true)
      }),
    )
  })

  test('the steps alone say what it is', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { accepted, breach } = taken(steps)
        expect(breachOf(accepted)).toEqual(breach)
      }),
    )
  })

  test('operators are reminded exactly while the authority is to be told and was not', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.integer({ min: 0, max: 120 * HOUR_MS }),
        (steps, after) => {
          const { breach } = taken(steps)
          const expected = REMINDER_HOURS.filter((hours) => after >= hours * HOUR_MS).at(-1)
          expect(reminderOf(breach, START + after)).toBe(clockRuns(breach) ? expected : undefined)
        },
      ),
    )
  })
})

test('the clock ends at 72 hours, to the millisecond', () => {
  const breach = breachOf([detected])
  expect(dueAt(breach)).toBe(START + 72 * HOUR_MS)
  expect(reminderOf(breach, START + 24 * HOUR_MS - 1)).toBeUndefined()
  for (const hours of REMINDER_HOURS)
    expect(reminderOf(breach, START + hours * HOUR_MS)).toBe(hours)
  const told = (notifiedAt: number, delay: string | null = null) =>
    take(breach, { kind: 'authority-notified', notifiedAt, reference: 'r', delay })
  expect(told(START + CLOCK_MS).authorityNotifiedAt).toBe(START + CLOCK_MS)
  expect(() => told(START + CLOCK_MS + 1)).toThrow('reasons for the delay')
  expect(told(START + CLOCK_MS + 1, 'found late').authorityNotifiedAt).toBe(START + CLOCK_MS + 1)
})

test('an assessment may change, and starts the clock again when it says that people are at risk', () => {
  const assessed = (risk: 'unlikely' | 'high'): BreachStep => ({
    kind: 'assessed',
    risk,
    reasons: 'r',
  })
  const unlikely = breachOf([detected, assessed('unlikely')])
  expect(clockRuns(unlikely)).toBe(false)
  expect(clockRuns(take(unlikely, assessed('high')))).toBe(true)
  expect(() => breachOf([assessed('high')])).toThrow('detected')
  expect(() => take(unlikely, detected)).toThrow('before')
})
