import { createHash } from 'node:crypto'
import { networkOf } from './person.ts'

/** How attempts that failed slow down those after them. */
export interface AttemptRule {
  /** So many have nothing to wait for. */
  readonly free: number
  /** The wait after the first beyond them; each further one doubles it. */
  readonly firstMs: number
  readonly longestMs: number
}

export interface Attempts {
  readonly failures: number
  readonly lastAt: number
  /** None is taken before. */
  readonly notBefore: number
}

/** What was counted becomes half in this time: an office's slips of the day are gone by the next morning. */
const HALF_LIFE_MS = 6 * 3_600_000
/** By then nothing is left of any count that a rule allows. */
export const FORGET_MS = 7 * 24 * 3_600_000

/**
 * Guesses at one account: a hundred a day, of a million codes or of any password. It is never closed: whoever waits a
 * quarter of an hour has the next try, and a passkey or a link by e-mail does not wait at all.
 */
export const ACCOUNT: AttemptRule = { free: 5, firstMs: 1_000, longestMs: 15 * 60_000 }
/** Guesses from one place at all accounts; an office behind one address has many people. */
export const PLACE: AttemptRule = { free: 50, firstMs: 1_000, longestMs: 15 * 60_000 }
/** Accounts, and so mails, that one place asks for. */
export const SIGN_UPS: AttemptRule = { free: 20, firstMs: 10_000, longestMs: 3_600_000 }
/** Mails to one address, whoever asks for them. */
export const MAILS: AttemptRule = { free: 4, firstMs: 60_000, longestMs: 3_600_000 }

/** Codes that a node sends, right or wrong: of fifty bits a hundred a day are none. */
export const NODE_LINKS: AttemptRule = { free: 10, firstMs: 1_000, longestMs: 15 * 60_000 }

/** Tokens of operators that are none, from one place; programs with an old one say so more than once. */
export const OPERATOR_TOKENS: AttemptRule = { free: 20, firstMs: 1_000, longestMs: 15 * 60_000 }

/** What attempts are counted against. */
export interface Counted {
  readonly subject: Uint8Array
  readonly rule: AttemptRule
}

export const accountAttempts = (email: string): Counted => counted('account', email, ACCOUNT)
export const placeAttempts = (address: string): Counted =>
  counted('place', networkOf(address), PLACE)
export const operatorAttempts = (address: string): Counted =>
  counted('operator-token', networkOf(address), OPERATOR_TOKENS)
export const signUpAttempts = (address: string): Counted =>
  counted('sign-up', networkOf(address), SIGN_UPS)
export const nodeLinkAttempts = (peerId: string, address: string): Counted[] => [
  counted('node-link', peerId, NODE_LINKS),
  counted('node-link-place', networkOf(address), NODE_LINKS),
]
export const mailAttempts = (email: string): Counted => counted('mail', email, MAILS)

/** One more attempt. @returns what is then stored, or how long to wait first, in milliseconds */
export function takeAttempt(
  before: Attempts | undefined,
  rule: AttemptRule,
  now: number,
): Attempts | { readonly waitMs: number } {
  if (before === undefined) return after(1, rule, now)
  if (now < before.notBefore) return { waitMs: before.notBefore - now }
  // Of two processes one's clock may be behind.
  const halves = Math.max(0, now - before.lastAt) / HALF_LIFE_MS
  return after(Math.ceil(before.failures * 2 ** -halves) + 1, rule, now)
}

function after(failures: number, rule: AttemptRule, now: number): Attempts {
  return { failures, lastAt: now, notBefore: now + waitAfter(failures, rule) }
}

function waitAfter(failures: number, { free, firstMs, longestMs }: AttemptRule): number {
  if (failures < free) return 0
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures - free, 32))
}

/** Whom it is about is not readable in the table: an address that only somebody tried is nobody's account. */
function counted(kind: string, whom: string, rule: AttemptRule): Counted {
  const subject = Uint8Array.from(createHash('sha256').update(`${kind}\n${whom}`).digest())
  return { subject, rule }
}
