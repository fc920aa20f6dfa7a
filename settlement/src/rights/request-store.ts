import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { SubjectKind } from './register/index.ts'
import { keepRestriction } from './restriction.ts'
import {
  openRequest,
  type RequestKind,
  type RequestState,
  type RightsRequest,
  type RightsStep,
  type StoredStep,
  takeStep,
} from './rights-request.ts'
import { tombstoneOf } from './tombstone.ts'

export interface Subject {
  readonly kind: SubjectKind
  readonly id: string
}

export interface NewRequest {
  readonly id: string
  readonly kind: RequestKind
  readonly subject: Subject
  /** Who asks; an operator for who is locked out. */
  readonly by: string
  readonly note: string | null
  readonly at: number
  /** Taken at once, such as that who is signed in is who they say. */
  readonly steps: readonly RightsStep[]
}

export interface RequestQuery {
  readonly subject?: Subject
  readonly kind?: RequestKind
  readonly state?: RequestState
  /** Not ended, and due by then; milliseconds since 1970. */
  readonly dueBy?: number
  readonly before?: { readonly at: number; readonly id: string }
  readonly limit: number
}

/** What people ask about their data. */
export function requestStore(db: Database) {
  return {
    openRightsRequest: (given: NewRequest): Promise<RightsRequest> =>
      transact(db, async (tx) => {
        const { id, kind, subject, by, note, at, steps } = given
        const { receivedAt, dueAt } = openRequest(kind, at)
        await tx.execute(sql`insert into rights_request
            (id, kind, subject_kind, subject, opened_by, state, received_at, due_at, steps)
          values (${id}, ${kind}, ${subject.kind}, ${subject.id}, ${by}, 'received', ${iso(receivedAt)}, ${iso(dueAt)}, 1)`)
        await addStep(tx, id, 1, { step: 'received' }, { by, note, at })
        for (const step of steps) await advance(tx, id, step, { by, note: null, at })
        return found(await read(tx, id), id)
      }),

    /**
     * Takes a step, if it can be taken now.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_RIGHTS_REQUEST_STATE
     */
    advanceRightsRequest: (
      id: string,
      step: RightsStep,
      told: { readonly by: string; readonly note: string | null; readonly at: number },
    ): Promise<RightsRequest> =>
      transact(db, async (tx) => {
        await advance(tx, id, step, told)
        return found(await read(tx, id), id)
      }),

    rightsRequest: (id: string): Promise<RightsRequest | undefined> => read(db, id),

    /** Newest first. */
    rightsRequests: async (query: RequestQuery): Promise<RightsRequest[]> => {
      const { subject, kind, state, dueBy, before, limit } = query
      const all = await rows<StoredRequest>(
        db,
        sql`select ${COLUMNS} from rights_request r where
          ${subject === undefined ? sql`true` : sql`subject_kind = ${subject.kind} and subject = ${subject.id}`}
          and ${kind === undefined ? sql`true` : sql`kind = ${kind}`}
          and ${state === undefined ? sql`true` : sql`state = ${state}`}
          and ${dueBy === undefined ? sql`true` : sql`ended_at is null and due_at <= ${iso(dueBy)}`}
          and ${before === undefined ? sql`true` : sql`(date_trunc('milliseconds', received_at), id) < (${iso(before.at)}, ${before.id})`}
        order by date_trunc('milliseconds', received_at) desc, id desc limit ${limit}`,
      )
      return all.map(toRequest)
    },

    /** Requests that are due by a time and that nobody was reminded of, which they now are. */
    remindOfRequests: (dueBy: number, at: number): Promise<{ id: string; dueAt: number }[]> =>
      transact(db, async (tx) => {
        const due = await rows<{ id: string; dueAt: string }>(
          tx,
          sql`update rights_request set reminded_at = ${iso(at)}
            where ended_at is null and due_at <= ${iso(dueBy)}
              and (reminded_at is null or (extended and reminded_at < due_at - interval '30 days'))
            returning id, ${ms('due_at')} as "dueAt"`,
        )
        const events = due.map(({ id, dueAt }) => ({
          organization: null,
          kind: 'rights.due' as const,
          subject: id,
          cause: `${id}/${dueAt}`,
          facts: { request: id, dueAt: new Date(Number(dueAt)).toISOString() },
        }))
        await emitEvents(tx, events, at)
        return due.map(({ id, dueAt }) => ({ id, dueAt: Number(dueAt) }))
      }),
  }
}

type StoredRequest = Omit<
  RightsRequest,
  'receivedAt' | 'dueAt' | 'endedAt' | 'announcedAt' | 'liftedAt' | 'history'
> &
  Record<'receivedAt' | 'dueAt', string> &
  Record<'endedAt' | 'liftedAt', string | null> & {
    readonly history: readonly (Omit<StoredStep, 'at'> & { readonly at: string })[]
  }

const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::int8::text`)
const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

const COLUMNS = sql`r.id, r.kind, r.state, r.subject_kind as "subjectKind", r.subject, r.opened_by as "openedBy", r.extended,
  ${ms('r.received_at')} as "receivedAt", ${ms('r.due_at')} as "dueAt", ${ms('r.ended_at')} as "endedAt",
  ${ms('r.lifted_at')} as "liftedAt",
  (select json_agg(json_build_object('number', s.number, 'step', s.step, 'by', s.by_actor, 'ground', s.ground,
    'note', s.note, 'at', ${ms('s.at')}) order by s.number) from rights_step s where s.request = r.id) as history`

async function read(db: Database, id: string): Promise<RightsRequest | undefined> {
  const [row] = await rows<StoredRequest>(
    db,
    sql`select ${COLUMNS} from rights_request r where id = ${id}`,
  )
  return row && toRequest(row)
}

const timeOf = (text: string | null) => (text === null ? null : Number(text))

function toRequest(row: StoredRequest): RightsRequest {
  const history = row.history.map((step) => ({ ...step, at: Number(step.at) }))
  return {
    ...row,
    receivedAt: Number(row.receivedAt),
    dueAt: Number(row.dueAt),
    endedAt: timeOf(row.endedAt),
    announcedAt: history.find(({ step }) => step === 'announced')?.at ?? null,
    liftedAt: timeOf(row.liftedAt),
    history,
  }
}

function found(request: RightsRequest | undefined, id: string): RightsRequest {
  if (request !== undefined) return request
  throw new SettlementError('HANSE_NOT_FOUND', `no request ${id}`)
}

interface Told {
  readonly by: string
  readonly note: string | null
  readonly at: number
}

async function advance(tx: Database, id: string, step: RightsStep, told: Told): Promise<void> {
  await tx.execute(sql`select from rights_request where id = ${id} for update`)
  const request = found(await read(tx, id), id)
  const after = takeStep(request, step, told.at)
  if ('refused' in after) throw new SettlementError('HANSE_RIGHTS_REQUEST_STATE', after.refused)
  const number = request.history.length + 1
  await tx.execute(sql`update rights_request set state = ${after.state}, due_at = ${iso(after.dueAt)},
      extended = ${after.extended}, steps = ${number}::int4, ended_at = ${orNull(after.endedAt)}, lifted_at = ${orNull(after.liftedAt)}
    where id = ${id}`)
  await addStep(tx, id, number, step, told)
  await haveEffect(tx, request, told.at)
  await tellLog(tx, request, step, told)
}

async function addStep(
  tx: Database,
  request: string,
  number: number,
  step: RightsStep,
  { by, note, at }: Told,
): Promise<void> {
  const ground = 'ground' in step ? step.ground : null
  await tx.execute(sql`insert into rights_step (request, number, step, by_actor, ground, note, at)
    values (${request}, ${number}::int4, ${step.step}, ${by}, ${ground}, ${note}, ${iso(at)})`)
}

/** A restriction that is made, or lifted, holds from the moment that its step is there. */
async function haveEffect(
  tx: Database,
  { kind, subjectKind, subject }: RightsRequest,
  at: number,
): Promise<void> {
  if (kind === 'restriction') await keepRestriction(tx, { kind: subjectKind, id: subject }, at)
}

async function tellLog(
  tx: Database,
  { id, kind, subjectKind, subject }: RightsRequest,
  step: RightsStep,
  { by, at }: Told,
): Promise<void> {
  // An answered erasure has destroyed the key: a new one for its own last step would name the subject again.
  const tombstone = tombstoneOf({ kind: subjectKind, id: subject })
  const erased = await rows(
    tx,
    sql`select from erasure where tombstone = decode(${tombstone}, 'hex')`,
  )
  const owner = erased.length > 0 ? null : ownerOf(subjectKind, subject)
  const ground = 'ground' in step ? step.ground : null
  const details =
    owner === null ? null : { request: id, kind, step: step.step, ground, by, subject }
  await writeEvents(tx, [{ kind: 'rights-request', record: null, owner, details }], at)
}

const orNull = (at: number | null) => (at === null ? sql`null::timestamptz` : iso(at))
