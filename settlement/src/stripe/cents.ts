/** Stripe's amounts are JSON numbers; ours are bigint. @throws {RangeError} when not a positive safe integer. */
export function amountOfCents(cents: bigint): number {
  if (cents <= 0n || cents > BigInt(Number.MAX_SAFE_INTEGER))
    throw new RangeError(`cents: ${cents}`)
  return Number(cents)
}

/** @throws {RangeError} when Stripe's amount is not a safe integer. */
export function centsOfAmount(amount: number): bigint {
  if (!Number.isSafeInteger(amount)) throw new RangeError(`amount: ${amount}`)
  return BigInt(amount)
}
