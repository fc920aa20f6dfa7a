import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { mailerOf, mayMail, newLink, pageOf, RESET_MS, VERIFY_MS } from './links.ts'
import { MAILS } from './mails.ts'
import { checkPassword, hashPassword } from './password.ts'
import { throttled } from './sign-in.ts'
import { signUpAttempts } from './sign-in-limits.ts'

export interface SignUp {
  readonly email: string
  readonly name: string
  readonly password: string
  /** Whence it is asked. */
  readonly address: string
}

/** Work that the answer must not wait for: how long it takes would tell whether there is an account. */
export type AfterAnswer = () => Promise<void>

/**
 * Takes a person in and sends the link that proves the address. Somebody who has an account is told so by mail, and whoever
 * asked sees no difference.
 *
 * @throws {SettlementError} HANSE_PASSWORD_WEAK, HANSE_SIGN_IN_LIMITED, HANSE_SIGN_UP_UNAVAILABLE
 */
export async function signUp(
  context: SettlementContext,
  { email, name, password, address }: SignUp,
): Promise<AfterAnswer> {
  const { store, now } = context
  const mailer = mailerOf(context)
  checkPassword(password, email)
  await throttled(context, [signUpAttempts(address)])
  const passwordHash = await hashPassword(password)
  return async () => {
    if (!(await mayMail(context, email))) return
    const { token, link } = newLink(now(), VERIFY_MS)
    const isNew = await store.signUp({ id: `per_${randomUUID()}`, email, name, passwordHash, link })
    const letter = isNew
      ? MAILS.verify(pageOf(context, 'verify-email', token))
      : MAILS.known(pageOf(context, 'sign-in'), pageOf(context, 'reset-password'))
    await mailer.send({ to: email, ...letter })
  }
}

/**
 * Sends a link for a new password, if anybody has this address.
 *
 * @throws {SettlementError} HANSE_SIGN_IN_LIMITED, HANSE_SIGN_UP_UNAVAILABLE
 */
export async function askForReset(
  context: SettlementContext,
  email: string,
  address: string,
): Promise<AfterAnswer> {
  const { store, now } = context
  const mailer = mailerOf(context)
  await throttled(context, [signUpAttempts(address)])
  return async () => {
    const person = await store.personByEmail(email)
    if (person === undefined || person.isDisabled || !(await mayMail(context, email))) return
    const { token, link } = newLink(now(), RESET_MS)
    await store.addPersonLink(person.id, 'reset', email, link)
    await mailer.send({ to: email, ...MAILS.reset(pageOf(context, 'reset-password', token)) })
  }
}
