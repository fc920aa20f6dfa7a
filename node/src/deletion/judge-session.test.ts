import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeSession } from './judge-session.ts'

const YEARS_5 = 5 * 366 * 86_400_000
const instant = fc.integer({ min: 0, max: 1e13 })
const held = fc.record({
  endedAt: fc.option(instant, { nil: undefined }),
  submission: fc.constantFrom('none' as const, 'waiting' as const, 'refused' as const),
})
const terms = fc.option(
  fc.record({ issuer: fc.constantFrom('ours', 'theirs'), openUntil: instant }),
  { nil: undefined },
)

test('nothing goes by which a provider is paid, or kept from taking an order twice, or that is another’s', () => {
  fc.assert(
    fc.property(held, terms, instant, (session, known, now) => {
      if (judgeSession('ours', session, known, now) !== 'erased') return
      expect(session.endedAt).toBeDefined()
      expect(session.submission).not.toBe('waiting')
      expect(known?.issuer).toBe('ours')
      expect(known?.openUntil ?? 0).toBeLessThan(now)
    }),
  )
})

test('everything of this settlement goes in the end, once it is ended and booked', () => {
  fc.assert(
    fc.property(held, terms, instant, (session, known, now) => {
      const later = judgeSession(
        'ours',
        { submission: session.submission, endedAt: session.endedAt ?? now },
        known,
        Math.max(now, known?.openUntil ?? 0, session.endedAt ?? 0) + YEARS_5,
      )
      if (known?.issuer !== 'ours') expect(later).toMatchObject({ reason: 'other-authority' })
      else if (session.submission === 'waiting')
        expect(later).toMatchObject({ reason: 'unsettled' })
      else expect(later).toBe('erased')
    }),
  )
})

test('what is kept for a time says until when, and goes after it', () => {
  fc.assert(
    fc.property(held, terms, instant, (session, known, now) => {
      const verdict = judgeSession('ours', session, known, now)
      if (verdict === 'erased' || verdict.until === null) return
      expect(verdict.until).toBeGreaterThanOrEqual(now)
      const after = judgeSession('ours', session, known, verdict.until + 1)
      expect(after === 'erased' || after.reason !== verdict.reason).toBe(true)
    }),
  )
})
