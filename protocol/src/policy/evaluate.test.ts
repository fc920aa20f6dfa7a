import { describe, expect, test } from 'vitest'
import { parsePrice } from '../money.ts'
import { amountWith, budgetTermsSchema, limitAt, stopLimit } from './budget.ts'
import { evaluatePolicy, type PolicyFacts } from './evaluate.ts'
import { parseHours } from './hours.ts'
import { type UsagePolicy, usagePolicySchema } from './policy.ts'
import { fitOf, scopeText } from './scope.ts'

/** A Saturday, 09:00 in Berlin. */
const AT = Date.parse('2026-11-21T08:00:00Z')
const policy = (...rules: object[]): UsagePolicy =>
  usagePolicySchema.parse({ version: 1, rules: rules.map((rule) => ({ name: 'r', ...rule })) })
const judge = (rule: object, facts: Partial<PolicyFacts> = {}) =>
  evaluatePolicy(policy(rule), { at: AT, ...facts }, 'Europe/Berlin')
const reasons = (rule: object, facts: Partial<PolicyFacts> = {}) =>
  judge(rule, facts).refusals.map(({ reason }) => reason)

describe('a policy', () => {
  test('allows the models that fit a pattern and are not denied, whatever their case', () => {
    const rule = { models: ['llama-*'], denyModels: ['*-405b'] }
    expect(reasons(rule, { models: ['Llama-3-8b'] })).toEqual([])
    expect(reasons(rule, { models: ['llama-3-405B'] })).toEqual(['model'])
    expect(reasons(rule, { models: ['llama-3-8b', 'mistral'] })).toEqual(['model'])
  })

  test('judges the region of an answer, or limits where it may be made', () => {
    expect(reasons({ regions: ['EU'] }, { country: 'FR' })).toEqual([])
    expect(reasons({ regions: ['EU'] }, { country: 'US' })).toEqual(['region'])
    expect(judge({ regions: ['EU'] }).limits.regions).toEqual([['EU']])
  })

  test('has hours of the week in its own time zone, also over midnight', () => {
    expect(reasons({ hours: ['mon-fri 08:00-18:00'] })).toEqual(['hours'])
    expect(reasons({ hours: ['sat 09:00-10:00'] })).toEqual([])
    const nights = { hours: ['fri 22:00-09:30'] }
    expect(reasons(nights)).toEqual([])
    expect(evaluatePolicy(policy(nights), { at: AT }, 'Asia/Tokyo').refusals).toHaveLength(1)
    expect(['sat', '25:00-26:00', '08:00-08:00', 'mon-fri 8-18'].map(parseHours)).toEqual(
      Array(4).fill(undefined),
    )
    expect(parseHours('sat-mon 00:00-24:00')?.weekdays).toEqual([5, 6, 0])
  })

  test('limits prices and tokens by the strictest rule, and refuses what is known to be above', () => {
    const two = policy(
      { maxInputPrice: '0.50', maxTokens: 100 },
      { maxInputPrice: '0.20', maxOutputPrice: '2', maxTokens: 500 },
    )
    const { limits, refusals } = evaluatePolicy(two, { at: AT, outputTokens: 200 }, 'UTC')
    expect(limits).toEqual({
      regions: [],
      maxInputPrice: parsePrice('0.20'),
      maxOutputPrice: parsePrice('2'),
      maxOutputTokens: 100,
    })
    expect(refusals.map(({ reason }) => reason)).toEqual(['tokens'])
    expect(reasons({ maxOutputPrice: '1' }, { outputPrice: parsePrice('1.01') })).toEqual([
      'output-price',
    ])
  })

  test('wants tags, and says when it cannot know of them', () => {
    expect(reasons({ requiredTags: ['project:*'] }, { tags: ['a', 'project:x'] })).toEqual([])
    expect(reasons({ requiredTags: ['project:*'] }, { tags: [] })).toEqual(['tag'])
    expect(judge({ requiredTags: ['project:*'] })).toMatchObject({ refusals: [], unjudged: ['r'] })
  })

  test('is about those in the scope of the rule alone', () => {
    const rule = { for: { team: 'interns', tag: 'evals' }, maxTokens: 1 }
    const asked = { outputTokens: 2 }
    expect(reasons(rule, { ...asked, team: 'interns', tags: ['evals'] })).toEqual(['tokens'])
    expect(reasons(rule, { ...asked, team: 'research', tags: ['evals'] })).toEqual([])
    expect(judge(rule, { ...asked, team: 'interns' })).toMatchObject({ unjudged: ['r'] })
  })

  test('refuses a document that names what it does not know', () => {
    expect(
      usagePolicySchema.safeParse({ version: 1, rules: [{ name: 'a', modles: [] }] }).success,
    ).toBe(false)
    const bad = usagePolicySchema.safeParse({
      version: 1,
      rules: [{ name: 'a', maxInputPrice: 'x' }],
    })
    expect(bad.error?.issues[0]?.path).toEqual(['rules', 0, 'maxInputPrice'])
  })
})

describe('a budget', () => {
  const terms = (more: object) =>
    budgetTermsSchema.safeParse({ name: 'b', amount: '1000', window: { kind: 'day' }, ...more })

  test('stops at its lowest stop, rounded down, at its whole amount when nothing is said', () => {
    const rule = terms({}).data
    if (rule === undefined) throw new Error('not read')
    expect(stopLimit(rule, 999n)).toBe(999n)
    expect(limitAt(33, 10n)).toBe(3n)
    expect(stopLimit({ thresholds: [] }, 10n)).toBe(undefined)
  })

  test('carries over what was left of the window before, at most one amount', () => {
    const rule = { amount: 1000n as never, carryOver: true }
    expect([0n, 400n, 1000n, 2000n].map((before) => amountWith(rule, before))).toEqual([
      2000n,
      1600n,
      1000n,
      1000n,
    ])
    expect(amountWith({ ...rule, carryOver: false }, 0n)).toBe(1000n)
  })

  test('is refused where it contradicts itself', () => {
    const slow = [{ percent: 80, action: 'slow' }]
    for (const wrong of [
      { thresholds: slow },
      { thresholds: [{ percent: 80, on: 'forecast', action: 'stop' }] },
      { carryOver: true, window: { kind: 'rolling', days: 3 } },
      { window: { kind: 'fixed', from: 5, to: 5 } },
      { amount: '-1' },
      { slow: {} },
    ])
      expect(terms(wrong).success, JSON.stringify(wrong)).toBe(false)
    expect(terms({ thresholds: slow, slow: { parallel: 1 } }).success).toBe(true)
  })

  test('is about whoever fits all of its scope', () => {
    const scope = { team: 'research', model: 'llama-*' }
    expect(fitOf(scope, { team: 'research', model: 'llama-3' })).toBe('yes')
    expect(fitOf(scope, { team: 'research' })).toBe('unknown')
    expect(fitOf(scope, { team: 'sales' })).toBe('no')
    expect(fitOf({ key: 'anna' }, { keys: ['key_1', 'anna'] })).toBe('yes')
    expect([scopeText({}), scopeText(scope)]).toEqual([
      'the organization',
      'team research, model llama-*',
    ])
  })
})
