import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { hashToken, newToken } from '../people/session-token.ts'
import { MEMBERS_MAX } from './invitation-store.ts'
import { mayManage, type Role } from './roles.ts'

const DAY_MS = 86_400_000
/** A week: long enough for a holiday, short enough for a mailbox that somebody else reads later. */
export const INVITATION_MS = 7 * DAY_MS

type Inviting = Pick<SettlementContext, 'store' | 'now' | 'mailer' | 'publicUrl' | 'webOrigin'>

export interface Inviter {
  readonly organization: string
  readonly actor: string
  readonly role: Role
}

/**
 * Asks somebody to join, by a mail with a link that works once.
 *
 * @returns the id of the invitation
 * @throws {SettlementError} HANSE_FORBIDDEN, HANSE_MEMBERS_LIMIT, HANSE_REQUEST_INVALID for a member
 */
export async function invite(
  context: Inviting,
  by: Inviter,
  { email, role }: { readonly email: string; readonly role: Role },
): Promise<{ id: string; expiresAt: number }> {
  if (!mayManage(by.role, role)) {
    throw new SettlementError('HANSE_FORBIDDEN', `your role may not make somebody ${role}`)
  }
  const at = context.now()
  const { token, hash } = newToken()
  const id = `inv_${randomUUID()}`
  const expiresAt = at + INVITATION_MS
  const { organization, actor: invitedBy } = by
  const row = { id, organization, email, role, hash, invitedBy, at, expiresAt }
  const outcome = await context.store.addInvitation(row)
  if (outcome === 'member') {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'email: is a member already')
  }
  if (outcome === 'limit') {
    throw new SettlementError('HANSE_MEMBERS_LIMIT', `an organization has ${MEMBERS_MAX} members`)
  }
  await mail(context, email, token)
  return { id, expiresAt }
}

/** The same with a new link. @throws {SettlementError} HANSE_NOT_FOUND, also when it was sent as often as may be */
export async function inviteAgain(
  context: Inviting,
  organization: string,
  id: string,
): Promise<{ id: string; expiresAt: number }> {
  const { token, hash } = newToken()
  const expiresAt = context.now() + INVITATION_MS
  const renewed = await context.store.renewInvitation({ organization, id, hash, expiresAt })
  if (renewed === undefined) {
    throw new SettlementError('HANSE_NOT_FOUND', 'no invitation that could be sent again')
  }
  await mail(context, renewed.email, token)
  return { id, expiresAt }
}

/** @throws {SettlementError} HANSE_INVITATION_INVALID, whatever the reason: a link tells nobody about others */
export async function acceptInvitation(
  { store, now }: Inviting,
  token: string,
  person: string,
): Promise<{ organization: string; role: Role }> {
  const accepted = await store.acceptInvitation(hashToken(token), person, now())
  if (accepted !== undefined) return accepted
  throw new SettlementError(
    'HANSE_INVITATION_INVALID',
    'sign in with the address that was invited, and prove it, or ask for a new invitation',
  )
}

/** The link carries the token behind a `#`: no server and no log on the way sees it. */
async function mail(
  { mailer, publicUrl, webOrigin }: Inviting,
  to: string,
  token: string,
): Promise<void> {
  const link = `${webOrigin ?? publicUrl()}/invitation#${token}`
  await mailer?.send({
    to,
    subject: 'You are invited to an organization',
    text: `Somebody invited you to their organization.\n\nTo join, open this link within seven days:\n${link}\n\nIf you do not know what this is about, do nothing.\n`,
  })
}
