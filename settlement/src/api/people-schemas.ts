import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { recordAccess } from '../access/access-log.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Person } from '../people/person.ts'
import { signedIn } from './auth.ts'
import { requestOf } from './record-changes.ts'
import type { SignedIn } from './session.ts'

/** Sent as it is typed; how long it may be is checked by `checkPassword`. Hashing takes no longer for more. */
export const passwordText = z.string().min(1).max(1024)
export const linkToken = z.string().regex(/^[\w-]{43}$/u, { error: 'not what was in the link' })
export const totpText = z.string().regex(/^\d{6}$/u, { error: 'six digits' })
/** With or without its dashes. */
export const recoveryText = z.string().min(16).max(32)
export const personName = z.string().trim().max(200)

export const secondFactorBody = { code: totpText.optional(), recoveryCode: recoveryText.optional() }
export const signedInSchema = z.object({
  person: z.string(),
  session: z.string(),
  factors: z.array(z.string()),
})
export const done = z.object({ status: z.literal('done') })
export const accepted = z.object({ status: z.literal('accepted') })
export const DONE = { status: 'done' } as const
export const ACCEPTED = { status: 'accepted' } as const
export const security = [{ session: [] }]

/** Who is signed in, with what is stored of them. @throws {SettlementError} HANSE_UNAUTHENTICATED */
export async function accountOf(
  request: FastifyRequest,
  { store }: Pick<SettlementContext, 'store'>,
): Promise<{ signedIn: SignedIn; person: Person }> {
  const proof = signedIn(request)
  const person = await store.person(proof.person)
  if (person !== undefined) return { signedIn: proof, person }
  throw new SettlementError('HANSE_UNAUTHENTICATED', 'sign in first')
}

/** Writes down what a person did with their account. */
export const recordOwn = (
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  request: FastifyRequest,
  person: string,
  action: string,
  {
    outcome = 'ok',
    targets = {},
    address = request.ip,
  }: { outcome?: string; targets?: Record<string, string>; address?: string | null } = {},
): Promise<void> =>
  recordAccess(store, {
    organization: null,
    actor: `person:${person}`,
    action,
    targets,
    outcome,
    address,
    at: now(),
    ...requestOf(request),
  })
