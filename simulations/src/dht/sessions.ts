import type { Random } from '../kernel/random.ts'

/**
 * How long a peer stays, and how long it is away. Log-normal with a median of two hours, as half of the newcomers of the
 * public IPFS network had left after two (ProbeLab, RFM 2), and a spread at which 12 % stay for eight hours and 2 % for a day,
 * as was measured there (Trautwein et al., SIGCOMM 2022: 12.4 % and 2.5 %).
 */
export const SESSION = { medianMs: 2 * 3_600_000, sigma: 1.2 }

/** A machine that is lent when idle comes back: a peer is there for two thirds of its time. */
export const ONLINE_SHARE = 2 / 3

const MEAN_MS = SESSION.medianMs * Math.exp(SESSION.sigma ** 2 / 2)
const AWAY_MS = (MEAN_MS * (1 - ONLINE_SHARE)) / ONLINE_SHARE

export function sessionMs(random: Random): number {
  return SESSION.medianMs * Math.exp(SESSION.sigma * normal(random))
}

/** What is left of the session that is going on when one looks: long ones are met more often, and one comes at any time of it. */
export function residualMs(random: Random): number {
  const met = SESSION.medianMs * Math.exp(SESSION.sigma * normal(random) + SESSION.sigma ** 2)
  return met * random.float()
}

export const awayMs = (random: Random): number => random.exponential(AWAY_MS)

/** Box and Muller. */
const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float())
