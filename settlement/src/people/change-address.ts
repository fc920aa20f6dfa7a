import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { mailerOf, mayMail, newLink, pageOf, VERIFY_MS } from './links.ts'
import { MAILS } from './mails.ts'
import type { Person } from './person.ts'
import { hashToken } from './session-token.ts'
import { badLink } from './sign-in.ts'
import type { AfterAnswer } from './sign-up.ts'

/**
 * Begins a change of address: the new one gets the link, and the old one is told, so that its owner can stop it. Whether the
 * new address is somebody's is not to be seen from the answer.
 *
 * @throws {SettlementError} HANSE_FORBIDDEN where an organization says what the address is, HANSE_SIGN_UP_UNAVAILABLE
 */
export async function askForAddress(
  context: SettlementContext,
  person: Person,
  email: string,
): Promise<AfterAnswer> {
  const { store, now } = context
  const mailer = mailerOf(context)
  if (await store.isAddressKept(person.id)) throw kept()
  return async () => {
    if (email === person.email || !(await mayMail(context, email))) return
    if ((await store.personByEmail(email)) !== undefined) {
      const known = MAILS.known(pageOf(context, 'sign-in'), pageOf(context, 'reset-password'))
      await mailer.send({ to: email, ...known })
      return
    }
    const { token, link } = newLink(now(), VERIFY_MS)
    await store.addPersonLink(person.id, 'change', email, link)
    await mailer.send({ to: email, ...MAILS.newAddress(pageOf(context, 'change-email', token)) })
    const warning = MAILS.changed(
      'Somebody, hopefully you, wants another e-mail address for your account.',
      pageOf(context, 'reset-password'),
    )
    await mailer.send({ to: person.email, ...warning })
  }
}

/**
 * Ends it: who is signed in has the mail that was sent to the new address. The link alone is not enough, for somebody who
 * mistypes an address sends it to a stranger.
 *
 * @throws {SettlementError} HANSE_LINK_INVALID
 */
export async function changeAddress(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  person: string,
  token: string,
): Promise<{ before: string; after: string }> {
  const changed = await store.changeAddress(hashToken(token), person, now())
  if (changed === undefined) throw badLink()
  return changed
}

const kept = () =>
  new SettlementError('HANSE_FORBIDDEN', 'your organization says what your address is')
