import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  LIFT_NOTICE_MS,
  monthsAfter,
  openRequest,
  REQUEST_KINDS,
  type RequestStatus,
  type RightsStep,
  takeStep,
} from './rights-request.ts'

const DAY_MS = 86_400_000
const AT = Date.UTC(2026, 0, 31, 9)
const after = (steps: readonly RightsStep[], status = openRequest('erasure', AT)) =>
  steps.reduce<ReturnType<typeof takeStep>>(
    (now, step) => ('refused' in now ? now : takeStep(now, step, AT + DAY_MS)),
    status,
  )

test('a request is received, looked at, worked on and done', () => {
  expect(after([{ step: 'identified' }, { step: 'begun' }, { step: 'done' }])).toMatchObject({
    state: 'done',
    endedAt: AT + DAY_MS,
  })
})

test('nothing is done for who was not identified', () => {
  expect(after([{ step: 'begun' }])).toHaveProperty('refused')
  expect(after([{ step: 'done' }])).toHaveProperty('refused')
})

test('a month ends on the same day of the next, or on its last', () => {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10)
  expect(day(monthsAfter(Date.UTC(2026, 0, 31), 1))).toBe('2026-02-28')
  expect(day(monthsAfter(Date.UTC(2028, 0, 31), 1))).toBe('2028-02-29')
  expect(day(monthsAfter(Date.UTC(2026, 10, 30), 3))).toBe('2027-02-28')
  expect(day(monthsAfter(Date.UTC(2026, 11, 15), 1))).toBe('2027-01-15')
})

test('an answer may take two months more, once, and only if that is said within the first', () => {
  const extended = takeStep(
    openRequest('access', AT),
    { step: 'extended', ground: 'complexity' },
    AT,
  )
  expect(extended).toMatchObject({ extended: true, dueAt: monthsAfter(AT, 3) })
  const again = { step: 'extended', ground: 'complexity' } as const
  expect(takeStep(extended as RequestStatus, again, AT)).toHaveProperty('refused')
  const late = monthsAfter(AT, 1) + 1
  expect(takeStep(openRequest('access', AT), again, late)).toHaveProperty('refused')
})

test('only a restriction that was made is lifted, and once', () => {
  const made = after(
    [{ step: 'identified' }, { step: 'begun' }, { step: 'done' }],
    openRequest('restriction', AT),
  ) as RequestStatus
  expect(takeStep(made, { step: 'lifted' }, AT)).toHaveProperty('refused')
  const announced = takeStep(made, { step: 'announced' }, AT) as RequestStatus
  expect(announced.announcedAt).toBe(AT)
  const END = AT + LIFT_NOTICE_MS
  expect(takeStep(announced, { step: 'lifted' }, END - 1)).toHaveProperty('refused')
  // A second letter makes nobody wait longer.
  const again = takeStep(announced, { step: 'announced' }, END) as RequestStatus
  const lifted = takeStep(again, { step: 'lifted' }, END) as RequestStatus
  expect(lifted.liftedAt).toBe(END)
  for (const step of ['announced', 'lifted', 'withdrawn'] as const)
    expect(takeStep(lifted, { step }, END)).toHaveProperty('refused')
  const withdrawn = takeStep(made, { step: 'withdrawn' }, AT) as RequestStatus
  expect(withdrawn.liftedAt).toBe(AT)
  expect(
    after([{ step: 'identified' }, { step: 'begun' }, { step: 'done' }, { step: 'lifted' }]),
  ).toHaveProperty('refused')
})

const step: fc.Arbitrary<RightsStep> = fc.constantFrom(
  { step: 'identified' },
  { step: 'begun' },
  { step: 'extended', ground: 'complexity' },
  { step: 'noted' },
  { step: 'done' },
  { step: 'refused', ground: 'excessive' },
  { step: 'announced' },
  { step: 'lifted' },
  { step: 'withdrawn' },
)

test('whatever is tried, an end is for good and a deadline is at most three months', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...REQUEST_KINDS),
      fc.array(fc.tuple(step, fc.nat(100)), { maxLength: 30 }),
      (kind, tries) => {
        let status = openRequest(kind, AT)
        let at = AT
        for (const [next, days] of tries) {
          at += days * DAY_MS
          const taken = takeStep(status, next, at)
          if ('refused' in taken) continue
          if (status.endedAt !== null) expect(taken.state).toBe(status.state)
          if (taken.liftedAt !== null) expect(taken.kind).toBe('restriction')
          if (next.step === 'lifted')
            expect(at).toBeGreaterThanOrEqual((status.announcedAt ?? Infinity) + LIFT_NOTICE_MS)
          status = taken
          expect(status.endedAt !== null).toBe(
            status.state === 'done' || status.state === 'refused',
          )
          expect(status.dueAt).toBeLessThanOrEqual(monthsAfter(AT, 3))
        }
      },
    ),
  )
})
