import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { isPassword } from './password.ts'
import type { Factor, Person } from './person.ts'
import { hashRecoveryCode } from './recovery-codes.ts'
import { hashToken } from './session-token.ts'
import { accountAttempts, type Counted, placeAttempts } from './sign-in-limits.ts'
import { openTotp, totpStep } from './totp.ts'

type Context = Pick<SettlementContext, 'store' | 'signer' | 'now'>

/** What a person knows and has. */
export interface Proof {
  readonly password: string
  /** Of the authenticator app. */
  readonly code?: string
  readonly recoveryCode?: string
}

export interface Proven {
  readonly person: Person
  readonly factors: readonly Factor[]
}

/**
 * Who has this address and this password. Unknown addresses, wrong passwords and addresses that are not proven yet are
 * refused in the same words, after the same work.
 *
 * @param address whence it is asked
 * @throws {SettlementError} HANSE_SIGN_IN_REFUSED, HANSE_SECOND_FACTOR, HANSE_SIGN_IN_LIMITED
 */
export async function signIn(
  context: Context,
  given: Proof & { readonly email: string },
  address: string,
): Promise<Proven> {
  const attempts = [accountAttempts(given.email), placeAttempts(address)] as const
  await throttled(context, attempts)
  const person = await context.store.personByEmail(given.email)
  const isRight = await isPassword(person?.passwordHash ?? null, given.password)
  if (person === undefined || !isRight || person.isDisabled || !person.isVerified) throw refusal()
  return forgiving(context, attempts, await secondFactor(context, person, given, attempts[1]))
}

/**
 * Proves an address with the link that was sent there, and its person with the password: a link alone proves only who reads
 * the mail, and that may be somebody else than who chose the password.
 *
 * @throws {SettlementError} HANSE_LINK_INVALID, and those of `signIn`
 */
export async function verifyEmail(
  context: Context,
  token: string,
  given: Proof,
  address: string,
): Promise<Proven> {
  const { store, now } = context
  const hash = hashToken(token)
  const person = await store.personByLink(hash, 'verify', now())
  if (person === undefined) throw badLink()
  const attempts = [accountAttempts(person.email), placeAttempts(address)] as const
  await throttled(context, attempts)
  const isRight = await isPassword(person.passwordHash, given.password)
  if (!isRight || person.isDisabled) throw refusal()
  const proven = await secondFactor(context, person, given, attempts[1])
  if (!(await store.verifyEmail(hash, now()))) throw badLink()
  return forgiving(context, attempts, { ...proven, person: { ...person, isVerified: true } })
}

/**
 * Whether who is signed in knows the password, for changing it.
 *
 * @throws {SettlementError} HANSE_SIGN_IN_REFUSED, HANSE_SIGN_IN_LIMITED
 */
export async function provePassword(
  context: Context,
  person: Person,
  password: string,
  address: string,
): Promise<void> {
  const attempts = [accountAttempts(person.email), placeAttempts(address)] as const
  await throttled(context, attempts)
  if (!(await isPassword(person.passwordHash, password))) throw refusal()
  await forgiving(context, attempts, undefined)
}

/** Counts an attempt before it is made. @throws {SettlementError} HANSE_SIGN_IN_LIMITED */
export async function throttled(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  attempts: readonly Counted[],
): Promise<void> {
  const retryAfterMs = await store.takeSignInAttempt(attempts, now())
  if (retryAfterMs === 0) return
  throw new SettlementError('HANSE_SIGN_IN_LIMITED', 'too many attempts', { retryAfterMs })
}

/** After the password: a code, where the person has an app. */
async function secondFactor(
  context: Context,
  person: Person,
  { code, recoveryCode }: Proof,
  place: Counted,
): Promise<Proven> {
  if (!person.hasTotp) return { person, factors: ['password'] }
  if (code === undefined && recoveryCode === undefined) {
    // Of the account it stays counted until the code is right, or codes could be guessed without end.
    await context.store.forgiveSignInAttempt(null, place.subject)
    throw new SettlementError('HANSE_SECOND_FACTOR', 'this account wants a code as well')
  }
  const isRight =
    code === undefined
      ? await isRecoveryCode(context, person, recoveryCode ?? '')
      : await isTotpCode(context, person, code)
  if (!isRight) throw refusal()
  return { person, factors: ['password', 'totp'] }
}

async function isTotpCode(
  { store, signer, now }: Context,
  { id }: Person,
  code: string,
): Promise<boolean> {
  const totp = await store.totp(id)
  if (totp === undefined) return false
  const step = totpStep(openTotp(signer, id, totp.sealed), code, now())
  return step !== undefined && (await store.useTotpStep(id, step))
}

const isRecoveryCode = ({ store, now }: Context, { id }: Person, code: string): Promise<boolean> =>
  store.useRecoveryCode(id, hashRecoveryCode(id, code), now())

async function forgiving<Result>(
  { store }: Context,
  [account, place]: readonly [Counted, Counted],
  result: Result,
): Promise<Result> {
  await store.forgiveSignInAttempt(account.subject, place.subject)
  return result
}

const refusal = () =>
  new SettlementError(
    'HANSE_SIGN_IN_REFUSED',
    'the address, the password or the code is not right, or the address is not confirmed',
  )

export const badLink = () =>
  new SettlementError('HANSE_LINK_INVALID', 'this link does not work, or not any more')
