/** Why nobody was reached who could have been, where that is more than being away. */
export const UNREACHED_REASONS = ['another-peer', 'relay-excluded'] as const
export type UnreachedReason = (typeof UNREACHED_REASONS)[number]

/** Noise says so of a key that is not the one of the address; libp2p hands on its words alone. */
const ANOTHER_KEY = 'does not match expected remote identity key'

/**
 * Whether a dial failed because somebody else has answered at the address, or because the only ways there lead through relays
 * that this node does not use; `undefined` for every other fault.
 *
 * @param addresses that were dialed
 */
export function whyUnreached(
  error: unknown,
  addresses: readonly string[],
): UnreachedReason | undefined {
  const faults = [...faultsIn(error)]
  if (faults.some(({ message }) => message.includes(ANOTHER_KEY))) return 'another-peer'
  const isRelayed = addresses.length > 0 && addresses.every((one) => one.includes('/p2p-circuit'))
  if (isRelayed && faults.some(({ name }) => name === 'DialDeniedError')) return 'relay-excluded'
  return undefined
}

/** For people. */
export const unreachedText = (provider: string, why: UnreachedReason): string =>
  why === 'another-peer'
    ? `somebody with another key answered at the address of ${provider}`
    : `${provider} can be reached through relays alone that --via-relays leaves out`

/** An error, what it gathers, and what has caused it. */
function* faultsIn(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return
  yield error
  if (error instanceof AggregateError) for (const one of error.errors) yield* faultsIn(one)
  yield* faultsIn(error.cause)
}
