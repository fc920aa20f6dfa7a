import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, type SpendCell } from './allocate.ts'
import { type AllocationRule, rulesSchema } from './plan.ts'
import { split } from './split.ts'

const CENTRES = ['data', 'ops', 'web']
const cell = (changes: Partial<SpendCell>): SpendCell => ({
  source: 'hanse',
  key: '',
  member: '',
  tags: [],
  model: 'm/one',
  sessions: 1n,
  amount: 100n,
  ...changes,
})

const cells = fc.array(
  fc.record({
    source: fc.constantFrom('hanse', 'litellm'),
    key: fc.constantFrom('', 'hanse_ci', 'hanse_web'),
    member: fc.constantFrom('', 'anna', 'bert'),
    tags: fc.subarray(['blue', 'red', 'team:web']),
    model: fc.constantFrom('m/one', 'm/two'),
    sessions: fc.bigInt({ min: 0n, max: 1_000n }),
    amount: fc.bigInt({ min: 0n, max: 10n ** 24n }),
  }),
  { maxLength: 20 },
)
const when = fc.record(
  {
    tag: fc.constantFrom('', 'blue', 'team:*', '*'),
    key: fc.constantFrom('', 'hanse_ci', 'hanse_*'),
    member: fc.constantFrom('anna', 'b*'),
    model: fc.constantFrom('m/one', 'm/*'),
    source: fc.constantFrom('hanse', 'lite*'),
  },
  { requiredKeys: [] },
)
const centres = fc.subarray(CENTRES, { minLength: 1 })
const share = fc.oneof(
  centres.map((of) => ({ by: 'even' as const, centres: of })),
  fc
    .dictionary(fc.constantFrom(...CENTRES), fc.integer({ min: 1, max: 1_000 }), { minKeys: 1 })
    .map((shares) => ({ by: 'fixed' as const, shares: { ...shares } })),
  fc.constant({ by: 'direct' as const }),
  centres.map((of) => ({ by: 'direct' as const, centres: of })),
)
const rules = fc
  .array(
    fc.oneof(fc.record({ when, to: fc.constantFrom(...CENTRES) }), fc.record({ when, share })),
    { maxLength: 6 },
  )
  .map((all) => rulesSchema.parse(all.map((rule, i) => ({ name: `rule ${i}`, ...rule }))))

const sum = (amounts: readonly bigint[]) => amounts.reduce((all, amount) => all + amount, 0n)

test('parts are the whole to the last unit, none is further than one from its share, and more weight is never less', () => {
  const weights = fc
    .array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { minLength: 1, maxLength: 12 })
    .filter((all) => all.some((weight) => weight > 0n))
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), weights, (amount, given) => {
      const parts = split(amount, given)
      expect(sum(parts)).toBe(amount)
      const whole = sum(given)
      for (const [i, part] of parts.entries()) {
        const weight = given[i] ?? 0n
        expect(part * whole).toBeGreaterThan(amount * weight - whole)
        expect(part * whole).toBeLessThan(amount * weight + whole)
        if (weight === 0n) expect(part).toBe(0n)
        for (const [j, other] of parts.entries()) {
          if (weight > (given[j] ?? 0n)) expect(part).toBeGreaterThanOrEqual(other)
        }
      }
    }),
  )
  expect(split(10n, [1n, 1n, 1n])).toEqual([4n, 3n, 3n])
  expect(() => split(1n, [0n])).toThrow(RangeError)
  expect(() => split(-1n, [1n])).toThrow(RangeError)
})

test('whatever the rules are, what is allocated and what is not are all that was spent', () => {
  fc.assert(
    fc.property(cells, rules, (spent, plan) => {
      const { total, sessions, sources, lines, rules: sums } = allocate(spent, plan)
      expect(total).toBe(sum(spent.map(({ amount }) => amount)))
      expect(sessions).toBe(sum(spent.map((one) => one.sessions)))
      expect(sum(lines.map(({ amount }) => amount))).toBe(total)
      for (const { source, amount } of sources) {
        const of = (all: readonly { source: string; amount: bigint }[]) =>
          sum(all.filter((one) => one.source === source).map((one) => one.amount))
        expect([of(lines), of(spent)]).toEqual([amount, amount])
      }
      for (const { name, amount } of sums) {
        const of = lines.filter(({ rule }) => rule === name)
        expect(sum(of.map((line) => line.amount))).toBe(amount)
      }
      expect(lines.every(({ amount }) => amount >= 0n)).toBe(true)
    }),
  )
})

test('the order of what was spent changes nothing, and neither does how it was divided into cells', () => {
  fc.assert(
    fc.property(cells, rules, fc.nat(), (spent, plan, turn) => {
      const turned = [
        ...spent.slice(turn % (spent.length + 1)),
        ...spent.slice(0, turn % (spent.length + 1)),
      ]
      const halves = turned.flatMap((one) => [
        { ...one, sessions: 0n, amount: one.amount / 2n },
        { ...one, amount: one.amount - one.amount / 2n },
      ])
      expect(allocate(halves, plan)).toEqual(allocate(spent, plan))
    }),
  )
})

test('a rule that comes after all that fits changes nothing, and one that comes first takes all that fits it', () => {
  fc.assert(
    fc.property(cells, rules, (spent, plan) => {
      const everything: AllocationRule = { name: 'rest', when: {}, to: 'ops' }
      const last = allocate(spent, [...plan, everything, { name: 'never', when: {}, to: 'web' }])
      expect(last.rules.at(-1)?.amount).toBe(0n)
      expect(last.rules.slice(0, -2)).toEqual(allocate(spent, plan).rules)
      const first = allocate(spent, [everything, ...plan])
      expect(first.rules[0]?.amount).toBe(first.total)
    }),
  )
})

test('cost centres bear their own and their part of what is shared; what nobody bears is said', () => {
  const spent = [
    cell({ tags: ['team:web'], amount: 300n }),
    cell({ key: 'hanse_data', amount: 100n }),
    cell({ model: 'embed/small', amount: 10n }),
    cell({ member: 'bert', amount: 7n }),
  ]
  const plan = rulesSchema.parse([
    { name: 'platform', when: { model: 'embed/*' }, share: { by: 'direct' } },
    { name: 'web', when: { tag: 'team:web' }, to: 'web' },
    { name: 'data', when: { key: 'hanse_data' }, to: 'data' },
  ])
  expect(allocate(spent, plan).lines).toEqual([
    { kind: 'direct', centre: 'web', rule: 'web', source: 'hanse', sessions: 1n, amount: 300n },
    { kind: 'direct', centre: 'data', rule: 'data', source: 'hanse', sessions: 1n, amount: 100n },
    { kind: 'shared', centre: 'data', rule: 'platform', source: 'hanse', sessions: 0n, amount: 3n },
    { kind: 'shared', centre: 'web', rule: 'platform', source: 'hanse', sessions: 0n, amount: 7n },
    { kind: 'unallocated', centre: null, rule: null, source: 'hanse', sessions: 1n, amount: 7n },
  ])
  const [shared] = plan
  const alone = allocate(spent.slice(2, 3), shared === undefined ? [] : [shared])
  expect(alone.lines).toEqual([
    {
      kind: 'unallocated',
      centre: null,
      rule: 'platform',
      source: 'hanse',
      sessions: 1n,
      amount: 10n,
    },
  ])
})

test('each source is split by itself with the weights of all, and a credit as its opposite', () => {
  const spent = [
    cell({ tags: ['team:web'], amount: 2n }),
    cell({ source: 'aws', tags: ['team:data'], amount: 1n }),
    cell({ source: 'aws', model: 'embed', amount: -10n }),
    cell({ source: 'litellm', model: 'embed', amount: 10n }),
    cell({ source: 'otlp', model: 'other', amount: 5n }),
  ]
  const plan = rulesSchema.parse([
    { name: 'web', when: { tag: 'team:web' }, to: 'web' },
    { name: 'data', when: { tag: 'team:data', source: 'a*' }, to: 'data' },
    { name: 'embed', when: { model: 'embed' }, share: { by: 'direct' } },
  ])
  const { lines, sources, total } = allocate(spent, plan)
  expect(total).toBe(8n)
  expect(sources.map(({ source, amount }) => [source, amount])).toEqual([
    ['aws', -9n],
    ['hanse', 2n],
    ['litellm', 10n],
    ['otlp', 5n],
  ])
  const shared = lines.filter(({ kind }) => kind === 'shared')
  expect(shared.map(({ source, centre, amount }) => [source, centre, amount])).toEqual([
    ['aws', 'data', -3n],
    ['aws', 'web', -7n],
    ['litellm', 'data', 3n],
    ['litellm', 'web', 7n],
  ])
  expect(lines.at(-1)).toMatchObject({ kind: 'unallocated', source: 'otlp', amount: 5n })
})

test('rules need names of their own, one way to go, and cost centres', () => {
  const bad = [
    [
      { name: 'a', when: {}, to: 'x' },
      { name: 'a', when: {}, to: 'y' },
    ],
    [{ name: 'a', when: {} }],
    [{ name: 'a', when: {}, to: 'x', share: { by: 'direct' } }],
    [{ name: 'a', when: {}, share: { by: 'fixed', shares: {} } }],
    [{ name: 'a', when: {}, share: { by: 'fixed', shares: { x: 0.5 } } }],
    [{ name: 'a', when: {}, share: { by: 'even', centres: [] } }],
    [{ name: 'a', when: { team: 'x' }, to: 'y' }],
    [{ name: 'a\u0000', when: {}, to: 'y' }],
  ]
  for (const rules of bad) expect(rulesSchema.safeParse(rules).success).toBe(false)
})
