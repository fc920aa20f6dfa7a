import fc from 'fast-check'

/** Everything that can happen to money here, in any order. Numbers choose among what there is by then. */
export type Step =
  | { readonly kind: 'charge'; readonly cents: bigint; readonly card: Card }
  | { readonly kind: 'hold'; readonly provider: number; readonly cents: bigint }
  | { readonly kind: 'receipts'; readonly batch: readonly ReceiptStep[]; readonly twice: boolean }
  | { readonly kind: 'release' }
  | { readonly kind: 'refund'; readonly which: number; readonly percent: number }
  | { readonly kind: 'dispute'; readonly which: number }
  | { readonly kind: 'decide'; readonly which: number; readonly outcome: 'won' | 'lost' }
  | { readonly kind: 'payouts' }
  | { readonly kind: 'reverse'; readonly which: number; readonly percent: number }
  | { readonly kind: 'capability'; readonly provider: number; readonly active: boolean }
  | { readonly kind: 'goodwill'; readonly cents: bigint }
  | { readonly kind: 'webhooks' }
  | { readonly kind: 'jobs' }
  | { readonly kind: 'days'; readonly days: number }
  | { readonly kind: 'storm'; readonly seed: number }
  | { readonly kind: 'calm' }

export interface ReceiptStep {
  readonly authorization: number
  readonly session: number
  readonly sequence: number
  /** Pico-euro for each step of the sequence. */
  readonly rate: number
}

/** Stripe's test cards: paid at once, in two days, in a week or never; contested; whose refunds come back. */
const CARDS = [
  'pm_card_bypassPending',
  'pm_card_bypassPending',
  'pm_card_visa',
  'pm_sepaDebit',
  'pm_sepaDebitFails',
  'pm_card_chargeDeclined',
  'pm_card_createDispute',
  'pm_card_refundFail',
] as const
export type Card = (typeof CARDS)[number]

const which = fc.nat(4)
const percent = fc.integer({ min: 1, max: 100 })
const receiptStep = fc.record({
  authorization: fc.nat(2),
  session: fc.nat(2),
  sequence: fc.nat(4),
  rate: fc.integer({ min: 0, max: 900_000_000_000 }),
})

const of = <Kind extends Step['kind']>(kind: Kind) => ({ kind: fc.constant(kind) })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      ...of('charge'),
      cents: fc.bigInt(50n, 5_000n),
      card: fc.constantFrom(...CARDS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ...of('hold'), provider: fc.nat(1), cents: fc.bigInt(1n, 900n) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...of('receipts'),
      batch: fc.array(receiptStep, { minLength: 1, maxLength: 6 }),
      twice: fc.boolean(),
    }),
  },
  fc.record({ ...of('release') }),
  { weight: 2, arbitrary: fc.record({ ...of('refund'), which, percent }) },
  fc.record({ ...of('dispute'), which }),
  fc.record({ ...of('decide'), which, outcome: fc.constantFrom('won' as const, 'lost' as const) }),
  { weight: 3, arbitrary: fc.record({ ...of('payouts') }) },
  fc.record({ ...of('reverse'), which, percent }),
  fc.record({ ...of('capability'), provider: fc.nat(1), active: fc.boolean() }),
  fc.record({ ...of('goodwill'), cents: fc.bigInt(1n, 200n) }),
  { weight: 2, arbitrary: fc.record({ ...of('webhooks') }) },
  fc.record({ ...of('jobs') }),
  fc.record({ ...of('days'), days: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ ...of('storm'), seed: fc.nat(1_000_000) }),
  fc.record({ ...of('calm') }),
)

export const steps: fc.Arbitrary<Step[]> = fc.array(step, {
  minLength: 10,
  maxLength: 26,
  size: 'max',
})

/** So that most steps have something to be about. */
export const OPENING: readonly Step[] = [
  { kind: 'charge', cents: 4_000n, card: 'pm_card_bypassPending' },
  { kind: 'hold', provider: 0, cents: 900n },
  { kind: 'hold', provider: 1, cents: 700n },
]

/** A history of what random ones may miss. */
export const EXAMPLE: Step[] = [
  {
    kind: 'receipts',
    twice: true,
    batch: [
      { authorization: 0, session: 0, sequence: 1, rate: 900_000_000_000 },
      { authorization: 1, session: 0, sequence: 3, rate: 800_000_000_000 },
      { authorization: 1, session: 0, sequence: 2, rate: 800_000_000_000 },
      { authorization: 0, session: 1, sequence: 0, rate: 300_000_000_000 },
      { authorization: 0, session: 1, sequence: 0, rate: 300_000_000_001 },
    ],
  },
  { kind: 'storm', seed: 7 },
  { kind: 'charge', cents: 700n, card: 'pm_card_visa' },
  { kind: 'charge', cents: 300n, card: 'pm_sepaDebit' },
  { kind: 'charge', cents: 500n, card: 'pm_card_refundFail' },
  { kind: 'charge', cents: 200n, card: 'pm_card_bypassPending' },
  { kind: 'charge', cents: 250n, card: 'pm_card_bypassPending' },
  { kind: 'payouts' },
  { kind: 'refund', which: 0, percent: 20 },
  { kind: 'reverse', which: 0, percent: 40 },
  { kind: 'dispute', which: 0 },
  { kind: 'calm' },
  { kind: 'hold', provider: 0, cents: 1n },
  { kind: 'capability', provider: 1, active: false },
  { kind: 'payouts' },
  { kind: 'goodwill', cents: 20n },
  { kind: 'decide', which: 0, outcome: 'won' },
  { kind: 'release' },
]
