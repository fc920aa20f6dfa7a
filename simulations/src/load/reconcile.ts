import type { Books, Kept } from './books.ts'

export interface Reconciliation {
  /** Sessions that a consumer has signed for. */
  readonly paidSessions: number
  /** Pico-euro, decimal digits: of all last receipts at the consumers, at the providers, as booked, and in the ledger. */
  readonly consumers: string
  readonly providers: string
  readonly settled: string
  readonly ledger: string
  /**
   * Sessions whose provider was killed between the consumer's signature and its own disk. The consumer pays the receipt that
   * it signed, and settlement books it: the provider is paid, though its own book says less.
   */
  readonly cutByKills: { readonly sessions: number; readonly amount: string }
  /** Each of them is a fault; empty when all agree. */
  readonly differences: readonly string[]
}

/** Beyond that, one more tells no more. */
const DIFFERENCES_MAX = 100

/**
 * Compares what three parties have written down independently of each other.
 *
 * @param killed peer ids of providers that were killed while they served
 */
export function reconcile(books: Books, killed: ReadonlySet<string>): Reconciliation {
  const differences: string[] = []
  const cut: bigint[] = []
  for (const [session, bought] of books.consumers) {
    const sold = books.providers.get(session)
    const booked = books.settled.get(session) ?? 0n
    if (!bought.hasEnded) differences.push(`${session}: open at ${bought.owner}`)
    if (booked !== bought.amount)
      differences.push(`${session}: ${bought.owner} signed ${bought.amount}, booked ${booked}`)
    const lacks = bought.amount - (sold?.amount ?? 0n)
    if (lacks > 0n && killed.has(bought.peer)) cut.push(lacks)
    else if (lacks !== 0n) differences.push(`${session}: ${lacksLine(lacks, bought, sold)}`)
  }
  for (const [session, sold] of books.providers) {
    if (!sold.hasEnded) differences.push(`${session}: open at ${sold.owner}`)
    if (sold.amount > 0n && !books.consumers.has(session))
      differences.push(`${session}: sold by ${sold.owner}, bought by nobody`)
  }
  for (const session of books.settled.keys())
    if (!books.consumers.has(session)) differences.push(`${session}: booked, bought by nobody`)
  for (const { owner, session, refused } of books.untold)
    differences.push(`${session}: ${owner} was ${refused ?? 'not heard'} by settlement`)
  const settled = sum(books.settled.values())
  if (settled !== books.ledger)
    differences.push(`the ledger holds ${books.ledger}, sessions add up to ${settled}`)
  return {
    paidSessions: [...books.consumers.values()].filter(({ amount }) => amount > 0n).length,
    consumers: sum(amounts(books.consumers)).toString(),
    providers: sum(amounts(books.providers)).toString(),
    settled: settled.toString(),
    ledger: books.ledger.toString(),
    cutByKills: { sessions: cut.length, amount: sum(cut).toString() },
    differences: differences.slice(0, DIFFERENCES_MAX),
  }
}

function lacksLine(lacks: bigint, bought: Kept, sold: Kept | undefined): string {
  if (sold === undefined) return `${bought.owner} paid ${bought.amount}, no provider knows of it`
  return lacks > 0n
    ? `${sold.owner} lacks ${lacks} of what ${bought.owner} signed`
    : `${sold.owner} has ${-lacks} more than ${bought.owner} signed`
}

function* amounts(kept: ReadonlyMap<string, Kept>): Generator<bigint> {
  for (const { amount } of kept.values()) yield amount
}

function sum(values: Iterable<bigint>): bigint {
  let total = 0n
  for (const value of values) total += value
  return total
}
