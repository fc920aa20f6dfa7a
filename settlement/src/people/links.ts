import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Mail, Mailer } from '../notifications/mailer.ts'
import { MAILS } from './mails.ts'
import type { NewLink } from './person-store.ts'
import { newToken } from './session-token.ts'
import { mailAttempts } from './sign-in-limits.ts'

type Context = Pick<SettlementContext, 'mailer' | 'developmentMailer' | 'publicUrl' | 'webOrigin'>

/** Overnight, for who signs up in the evening. */
export const VERIFY_MS = 24 * 3_600_000
/** It opens an account: no longer than a person needs to look into the mail. */
export const RESET_MS = 3_600_000

export function newLink(at: number, lifetimeMs: number): { token: string; link: NewLink } {
  const { token, hash } = newToken()
  return { token, link: { hash, at, expiresAt: at + lifetimeMs } }
}

/** What follows `#` never leaves the browser: the token is in no server's log, and in no `Referer`. */
export const pageOf = (
  { publicUrl, webOrigin }: Context,
  page: 'verify-email' | 'reset-password' | 'change-email' | 'sign-in',
  token?: string,
): string => `${webOrigin ?? publicUrl()}/${page}${token === undefined ? '' : `#${token}`}`

/**
 * Who sends. Without one, no account can be opened: the same for every address, so that it says nothing of any.
 *
 * @throws {SettlementError} HANSE_SIGN_UP_UNAVAILABLE
 */
export function mailerOf({ mailer, developmentMailer }: Context): Mailer {
  const found = mailer ?? developmentMailer
  if (found !== undefined) return found
  throw new SettlementError(
    'HANSE_SIGN_UP_UNAVAILABLE',
    'this service has no mail server to send with',
  )
}

/** Whether an address may get one more mail: nobody's mailbox is filled by strangers. */
export async function mayMail(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  email: string,
): Promise<boolean> {
  return (await store.takeSignInAttempt([mailAttempts(email)], now())) === 0
}

/** Tells whom an address belongs or belonged to. Without a mail server nobody is told. */
export async function tell(
  context: Pick<Context, 'mailer' | 'developmentMailer'>,
  email: string,
  letter: Omit<Mail, 'to'>,
): Promise<void> {
  await (context.mailer ?? context.developmentMailer)?.send({ to: email, ...letter })
}

/** Tells a person of a change that may not have been theirs. Without a mail server nobody is told. */
export async function tellOfChange(context: Context, email: string, what: string): Promise<void> {
  await tell(context, email, MAILS.changed(what, pageOf(context, 'reset-password')))
}
