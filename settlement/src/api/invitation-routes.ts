import { z } from 'zod'
import { MEMBERS_MAX, SENT_MAX } from '../access/invitation-store.ts'
import { acceptInvitation, invite, inviteAgain } from '../access/invite.ts'
import { ROLES } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { hashToken } from '../people/session-token.ts'
import type { App } from './app.ts'
import { actsAs, member, principal, signedIn } from './auth.ts'
import { requireFresh } from './session.ts'

const security = [{ key: [] }]
const role = z.enum(ROLES)
const email = z
  .email()
  .max(254)
  .transform((text) => text.toLowerCase())
const params = z.object({ invitation: z.string().max(64) })
const sent = z.object({ id: z.string(), expiresAt: z.number() })
const token = z.string().regex(/^[\w-]{43}$/u, { error: 'not the token of an invitation' })
/** Each is a mail to somebody who did not ask for it. */
const config = { rateLimit: { max: 60, timeWindow: 3_600_000 } }
const limits = `A link works once and for a week; it is mailed ${SENT_MAX} times at most. ${MEMBERS_MAX} members and open invitations at most.`

/** Who is asked to join an organization. */
export function invitationRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.get(
    '/v1/invitations',
    {
      config: { permission: 'members:read' },
      schema: {
        security,
        response: {
          200: z.object({
            invitations: z.array(
              sent.extend({
                email: z.string(),
                role,
                invitedBy: z.string(),
                createdAt: z.number(),
                sent: z.number(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return { invitations: await store.invitations(organization) }
    },
  )

  app.post(
    '/v1/invitations',
    {
      config: { ...config, permission: 'members:write', people: 'members' },
      schema: {
        security,
        description: `For whoever proves this address. ${limits}`,
        body: z.strictObject({ email, role }),
        response: { 200: sent },
      },
    },
    async (request) => {
      const by = member(request)
      if (request.body.role === 'owner') requireFresh(by.signedIn, now())
      return invite(context, by, request.body)
    },
  )

  app.post(
    '/v1/invitations/:invitation/resend',
    {
      config: { ...config, permission: 'members:write', people: 'members' },
      schema: { security, description: limits, params, response: { 200: sent } },
    },
    async (request) => {
      const { organization } = member(request)
      return inviteAgain(context, organization, request.params.invitation)
    },
  )

  app.delete(
    '/v1/invitations/:invitation',
    {
      config: { permission: 'members:write', people: 'members' },
      schema: { security, params, response: { 200: params } },
    },
    async (request) => {
      const { organization } = member(request)
      const { invitation } = request.params
      if (await store.revokeInvitation(organization, invitation, now())) return { invitation }
      throw new SettlementError('HANSE_NOT_FOUND', 'no open invitation')
    },
  )

  acceptRoutes(app, context)
}

/** Tokens are in bodies, never in addresses, which servers on the way write down. */
function acceptRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.post(
    '/v1/invitations/show',
    {
      config: { access: 'link' },
      schema: {
        description: 'What an invitation is for, for whoever has its link',
        body: z.strictObject({ token }),
        response: { 200: z.object({ organization: z.string(), email: z.string(), role }) },
      },
    },
    async ({ body }) => {
      const found = await store.invitationByHash(hashToken(body.token), now())
      if (found !== undefined) {
        return { organization: found.name, email: found.email, role: found.role }
      }
      throw new SettlementError('HANSE_INVITATION_INVALID', 'no invitation that is open')
    },
  )

  app.post(
    '/v1/invitations/accept',
    {
      config: { access: 'person' },
      schema: {
        description:
          'Joins, as the person who is signed in and has proven the address that was invited',
        body: z.strictObject({ token }),
        response: { 200: z.object({ organization: z.string(), role }) },
      },
    },
    async (request) => {
      const { person } = signedIn(request)
      const joined = await acceptInvitation(context, request.body.token, person)
      actsAs(request, { organization: joined.organization, actor: `person:${person}` })
      return joined
    },
  )
}
