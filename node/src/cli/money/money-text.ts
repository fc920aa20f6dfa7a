import { formatEuro, picoEuro } from '@hanse/protocol'

const PICO_PER_CENT = 10n ** 10n

/** `"-12.30 EUR"`. */
export function centsText(cents: bigint): string {
  return amountText(cents * PICO_PER_CENT)
}

/** Exact, of either sign; pico-euro. */
export function amountText(amount: bigint): string {
  return amount < 0n ? `-${formatEuro(picoEuro(-amount))}` : formatEuro(picoEuro(amount))
}

/** `2026-11-21`, in UTC. */
export const dayText = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** `2026-11-21 17:20`, in UTC. */
export const minuteText = (at: number): string =>
  new Date(at).toISOString().slice(0, 16).replace('T', ' ')

/** `50 %`, `2.5 %`; of basis points. */
export const shareText = (bps: number): string => `${bps / 100} %`
