import type { Account, Location, Node, Tax, Trader } from './nodes.svelte.ts'

/** What is known of a node; undefined is what was not answered yet. */
export type Facts = {
  readonly node: Node | undefined
  readonly account: { readonly account: Account | undefined } | undefined
  readonly tax: Tax | undefined
  readonly trader: { readonly trader: Trader | undefined } | undefined
  readonly location: { readonly location: Location | undefined } | undefined
  /** Whether this page has found an offer of it in the network. */
  readonly isOffered: boolean
}

export type Step =
  | 'linked'
  | 'bound'
  | 'stripe'
  | 'tax'
  | 'trader'
  | 'location'
  | 'offered'
  | 'paid'

/** Steps from a machine to money, each with whether it is done: facts that were just asked for, not what was clicked. */
export function stepsOf(facts: Facts): readonly (readonly [Step, boolean])[] {
  const { node, account, tax, trader, location, isOffered } = facts
  // Where the service asks nobody who they are, or takes no evidence, there is nothing to do.
  const asksTrader = trader === undefined || trader.trader !== undefined || isUnbound(facts)
  const asksLocation = location === undefined || location.location !== undefined || isUnbound(facts)
  const all: (readonly [Step, boolean])[] = [
    ['linked', node !== undefined],
    ['bound', account?.account !== undefined],
    ['stripe', account?.account?.payable === true],
    ['tax', tax?.profile?.selfBillingTerms !== undefined],
    ['trader', isTold(trader?.trader)],
    ['location', location?.location?.attestation != null],
    ['offered', isOffered],
    ['paid', node?.lastPaidAt != null],
  ]
  return all.filter(
    ([step]) => (step !== 'trader' || asksTrader) && (step !== 'location' || asksLocation),
  )
}

/** Until the node has a payout account, nothing else is known of it. */
const isUnbound = ({ account }: Facts): boolean => account?.account === undefined

const isTold = (trader: Trader | undefined): boolean =>
  trader?.state === 'declared' || trader?.state === 'verified'
