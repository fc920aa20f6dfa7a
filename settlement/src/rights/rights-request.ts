import type { SubjectKind } from './register/index.ts'

/** What can be asked (GDPR): Articles 15 and 20, 16, 17, 18, 21. */
export const REQUEST_KINDS = [
  'access',
  'rectification',
  'erasure',
  'restriction',
  'objection',
] as const
export type RequestKind = (typeof REQUEST_KINDS)[number]

export const REQUEST_STATES = ['received', 'identified', 'in-progress', 'done', 'refused'] as const
export type RequestState = (typeof REQUEST_STATES)[number]

/** Why a request may be refused, each by its place in the law. */
export const REFUSAL_GROUNDS = {
  'not-identified': 'Article 12(2): the person could not be identified',
  'manifestly-unfounded': 'Article 12(5): manifestly unfounded',
  excessive: 'Article 12(5): excessive, for it repeats others',
  'legal-obligation': 'Article 17(3)(b): a law requires the data to be kept',
  'legal-claims': 'Articles 17(3)(e) and 21(1): needed for legal claims',
  'compelling-grounds': 'Article 21(1): compelling legitimate grounds',
  'not-ours': 'the data are not processed here',
} as const
export type RefusalGround = keyof typeof REFUSAL_GROUNDS

/** Why an answer may take longer (Article 12(3)). */
export const EXTENSION_GROUNDS = ['complexity', 'number-of-requests'] as const
export type ExtensionGround = (typeof EXTENSION_GROUNDS)[number]

/** One thing that happened to a request. */
export type RightsStep =
  | { readonly step: 'received' }
  /** Somebody looked whether it is the subject who asks; one who is signed in has shown it. */
  | { readonly step: 'identified' }
  | { readonly step: 'begun' }
  | { readonly step: 'extended'; readonly ground: ExtensionGround }
  | { readonly step: 'noted' }
  | { readonly step: 'done' }
  | { readonly step: 'refused'; readonly ground: RefusalGround }
  /** Of a restriction: its subject was told that it will be lifted (Article 18(3)). */
  | { readonly step: 'announced' }
  /** Of a restriction: it holds no longer. */
  | { readonly step: 'lifted' }
  /** Of a restriction: its subject wants it no longer, and consents to what it kept back (Article 18(2)). */
  | { readonly step: 'withdrawn' }

/** What the steps add up to; times in milliseconds since 1970. */
export interface RequestStatus {
  readonly kind: RequestKind
  readonly state: RequestState
  readonly receivedAt: number
  readonly dueAt: number
  readonly extended: boolean
  readonly endedAt: number | null
  readonly announcedAt: number | null
  readonly liftedAt: number | null
}

export interface RightsRequest extends RequestStatus {
  readonly id: string
  readonly subjectKind: SubjectKind
  readonly subject: string
  readonly openedBy: string
  readonly history: readonly StoredStep[]
}

export interface StoredStep {
  readonly number: number
  readonly step: RightsStep['step']
  readonly by: string
  readonly ground: string | null
  readonly note: string | null
  readonly at: number
}

/** Article 12(3): within one month of receipt, which two further months may extend. */
const MONTHS = 1
const FURTHER_MONTHS = 2

export const openRequest = (kind: RequestKind, at: number): RequestStatus => ({
  kind,
  state: 'received',
  receivedAt: at,
  dueAt: monthsAfter(at, MONTHS),
  extended: false,
  endedAt: null,
  announcedAt: null,
  liftedAt: null,
})

/** Which steps can be taken from a state. */
const FROM: Readonly<Record<RightsStep['step'], readonly RequestState[]>> = {
  received: [],
  identified: ['received'],
  begun: ['identified'],
  extended: ['received', 'identified', 'in-progress'],
  noted: REQUEST_STATES,
  done: ['in-progress'],
  refused: ['received', 'identified', 'in-progress'],
  announced: ['done'],
  lifted: ['done'],
  withdrawn: ['done'],
}

type Taken = RequestStatus | { readonly refused: string }

/**
 * The request after a step, or why that step cannot be taken now.
 *
 * @param at milliseconds since 1970
 */
export function takeStep(status: RequestStatus, step: RightsStep, at: number): Taken {
  if (!FROM[step.step].includes(status.state)) {
    return { refused: `a request that is ${status.state} cannot be ${step.step}` }
  }
  switch (step.step) {
    case 'received':
    case 'noted':
      return status
    case 'identified':
      return { ...status, state: 'identified' }
    case 'begun':
      return { ...status, state: 'in-progress' }
    case 'done':
    case 'refused':
      return { ...status, state: step.step, endedAt: at }
    case 'extended':
      return extend(status, at)
    case 'announced':
      return announce(status, at)
    case 'lifted':
      return lift(status, at)
    case 'withdrawn':
      return end(status, at)
  }
}

/** Once, and only while the first month runs: the subject has to be told within it. */
function extend(status: RequestStatus, at: number): Taken {
  if (status.extended) return { refused: 'it was extended already' }
  if (at > status.dueAt) return { refused: 'its month is over' }
  const dueAt = monthsAfter(status.receivedAt, MONTHS + FURTHER_MONTHS)
  return { ...status, extended: true, dueAt }
}

/** Told again, the first time counts: nobody has to wait longer because of a second letter. */
const announce = (status: RequestStatus, at: number): Taken =>
  whileRestricted(status, () => ({ ...status, announcedAt: status.announcedAt ?? at }))

/** The law says *before*, and no time. Who is told by mail has this long to object, or to go to court. */
export const LIFT_NOTICE_MS = 3 * 86_400_000

const lift = (status: RequestStatus, at: number): Taken =>
  whileRestricted(status, () => {
    if (status.announcedAt === null) return { refused: 'its subject has to be told first' }
    if (at >= status.announcedAt + LIFT_NOTICE_MS) return { ...status, liftedAt: at }
    return { refused: 'its subject was told less than three days ago' }
  })

const end = (status: RequestStatus, at: number): Taken =>
  whileRestricted(status, () => ({ ...status, liftedAt: at }))

function whileRestricted(status: RequestStatus, then: () => Taken): Taken {
  if (status.kind !== 'restriction') return { refused: 'only a restriction can be lifted' }
  if (status.liftedAt !== null) return { refused: 'it was lifted already' }
  return then()
}

/**
 * The same day and time of a later month, in UTC; where that month is shorter, its last day (Regulation 1182/71, Article 3).
 */
export function monthsAfter(at: number, months: number): number {
  const from = new Date(at)
  const to = new Date(at)
  to.setUTCDate(1)
  to.setUTCMonth(from.getUTCMonth() + months)
  const last = new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1, 0)).getUTCDate()
  to.setUTCDate(Math.min(from.getUTCDate(), last))
  return to.getTime()
}
