/** A plan at one price. A price that was sold never changes: a new one is a new version. */
export interface PlanVersion {
  readonly plan: PlanName
  readonly version: number
  readonly title: string
  /** Each month, before tax. */
  readonly cents: bigint
  /** Included tokens each month, as value that is spent at the prices of the market. */
  readonly creditCents: bigint
  /** Whether it can be bought now. */
  readonly onSale: boolean
}

export type PlanName = 'starter' | 'professional' | 'enterprise'
export const PLAN_NAMES = ['starter', 'professional', 'enterprise'] as const satisfies PlanName[]

const version = (
  plan: PlanName,
  title: string,
  cents: bigint,
  creditCents: bigint,
): PlanVersion => ({ plan, version: 1, title, cents, creditCents, onSale: true })

/** Every version that was ever sold. The more is paid each month, the more tokens a euro buys. */
export const PLANS: readonly PlanVersion[] = [
  version('starter', 'Starter', 2_900n, 3_000n),
  version('professional', 'Professional', 9_900n, 11_000n),
  version('enterprise', 'Enterprise', 49_900n, 60_000n),
]

/** The version that is sold now. */
export function planOnSale(plan: PlanName): PlanVersion {
  const found = PLANS.filter((one) => one.plan === plan && one.onSale).at(-1)
  if (found === undefined) throw new RangeError(`no version of ${plan} is on sale`)
  return found
}

/** What the catalogue of Stripe's ids knows a version's price by. */
export const priceName = ({ plan, version: number }: Pick<PlanVersion, 'plan' | 'version'>) =>
  `plan-${plan}-v${number}`

export const planOfPriceName = (name: string): PlanVersion | undefined =>
  PLANS.find((one) => priceName(one) === name)
