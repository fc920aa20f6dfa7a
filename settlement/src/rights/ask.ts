import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { eraseSubject } from './erase-subject.ts'
import type { ErasureReport } from './erasure-store.ts'
import type { Subject } from './request-store.ts'
import type { RequestKind, RightsRequest, RightsStep } from './rights-request.ts'

type Context = Parameters<typeof eraseSubject>[0]

export interface Asked {
  readonly kind: RequestKind
  readonly subject: Subject
  /** Who asks. */
  readonly by: string
  readonly note: string | null
  /** Who is signed in, or signs, has shown who they are. */
  readonly isIdentified: boolean
}

/** Takes a request about data: from now on it has a deadline. */
export function ask(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  { kind, subject, by, note, isIdentified }: Asked,
): Promise<RightsRequest> {
  const steps: readonly RightsStep[] = isIdentified ? [{ step: 'identified' }] : []
  return store.openRightsRequest({
    id: `rr_${randomUUID()}`,
    kind,
    subject,
    by,
    note,
    at: now(),
    steps,
  })
}

export interface Erased {
  readonly report: ErasureReport
  /** Null where it was erased before. */
  readonly request: RightsRequest | null
  /** Of a person: where to write that it is done, for the last time. */
  readonly email?: string
}

/**
 * Carries out an erasure that whoever may ask for it has asked for: the request is kept with its steps, and stays open where
 * something has to come to its end first, or nodes have to answer that they erased theirs.
 *
 * @param request one that is open already, instead of a new one
 * @throws {SettlementError} HANSE_LAST_OWNER, HANSE_ERASURE_BLOCKED, HANSE_NOT_FOUND, HANSE_RIGHTS_REQUEST_STATE
 */
export async function eraseOnRequest(
  context: Context,
  {
    subject,
    by,
    givesUpBalance,
    request,
  }: {
    readonly subject: Subject
    readonly by: string
    readonly givesUpBalance: boolean
    readonly request?: RightsRequest
  },
): Promise<Erased> {
  const { store, now } = context
  const earlier = await store.erasureOf(subject)
  if (earlier !== undefined && request === undefined) return { report: earlier, request: null }
  const open = request ?? (await openErasure(context, subject, by))
  const begun =
    open.state === 'in-progress'
      ? open
      : await store.advanceRightsRequest(open.id, { step: 'begun' }, { by, note: null, at: now() })
  const { report, email } = await eraseSubject(context, {
    subject,
    at: now(),
    givesUpBalance,
    request: begun.id,
  })
  const told = { report, ...(email !== undefined && { email }) }
  // The last of the nodes that were asked ends it, or their time.
  const waiting = await store.deletionRequests({ request: begun.id, isWaiting: true, limit: 1 })
  if (waiting.length > 0) return { ...told, request: begun }
  const done = await store.advanceRightsRequest(
    begun.id,
    { step: 'done' },
    { by, note: null, at: now() },
  )
  return { ...told, request: done }
}

/** The one that waits for something to end, where there is one. */
async function openErasure(context: Context, subject: Subject, by: string): Promise<RightsRequest> {
  const all = await context.store.rightsRequests({ subject, kind: 'erasure', limit: 100 })
  const open = all.find(({ state }) => state === 'identified' || state === 'in-progress')
  return (
    open ?? (await ask(context, { kind: 'erasure', subject, by, note: null, isIdentified: true }))
  )
}
