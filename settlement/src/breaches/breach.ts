import { SettlementError } from '../errors.ts'

/** What a breach is likely to mean for people (Art. 33 (1) and 34 (1) GDPR). */
export const RISKS = ['unlikely', 'likely', 'high'] as const
export type Risk = (typeof RISKS)[number]

/** What Art. 33 (3) asks for, in the operator's words; each may be added later (Art. 33 (4)). */
export interface BreachWords {
  /** What has happened. */
  readonly nature?: string
  /** Kinds of data, and of people. */
  readonly categories?: string
  readonly consequences?: string
  /** What was done and is proposed against it. */
  readonly measures?: string
}

/** One step of what was done about it. */
export type BreachStep =
  | {
      readonly kind: 'detected'
      readonly title: string
      /** When the controller became aware of it: the clock runs from here. Milliseconds since 1970. */
      readonly detectedAt: number
      /** When it began, as far as that is known. */
      readonly beganAt: number | null
    }
  | { readonly kind: 'described'; readonly words: BreachWords }
  | { readonly kind: 'assessed'; readonly risk: Risk; readonly reasons: string }
  | {
      readonly kind: 'authority-notified'
      /** When, milliseconds since 1970, and under which number of the authority. */
      readonly notifiedAt: number
      readonly reference: string
      /** Why later than 72 hours (Art. 33 (1)). */
      readonly delay: string | null
    }
  | {
      readonly kind: 'subjects-informed'
      readonly informedAt: number
      readonly how: string
      readonly people: number
    }
  /** People need not be told of a high risk (Art. 34 (3)). */
  | { readonly kind: 'subjects-exempt'; readonly reasons: string }
  | { readonly kind: 'noted'; readonly text: string }
  | { readonly kind: 'closed'; readonly reasons: string }
  | { readonly kind: 'reopened'; readonly reasons: string }

export type BreachState = 'assessing' | 'assessed' | 'closed'

/** What the steps come to. */
export interface Breach {
  readonly title: string
  readonly detectedAt: number
  readonly beganAt: number | null
  readonly state: BreachState
  readonly words: BreachWords
  readonly risk: Risk | null
  readonly authorityNotifiedAt: number | null
  readonly authorityReference: string | null
  /** The first time, and how many they were in all. */
  readonly subjectsInformedAt: number | null
  readonly subjectsInformed: number
  readonly subjectsExempt: boolean
}

const HOUR_MS = 3_600_000
/** Article 33 (1) GDPR. */
export const CLOCK_MS = 72 * HOUR_MS
/** When operators are told that the clock runs, in hours after it began; the last is when it has run out. */
export const REMINDER_HOURS = [24, 48, 66, 72] as const

/** Whether the 72 hours still run: the authority is to be told, and was not. */
export const clockRuns = ({ state, risk, authorityNotifiedAt }: Breach): boolean =>
  state !== 'closed' && risk !== 'unlikely' && authorityNotifiedAt === null

/** Whether the people concerned are to be told without undue delay, and were not (Art. 34 (1)); the law names no hours. */
export const mustInformSubjects = ({
  state,
  risk,
  subjectsInformedAt,
  subjectsExempt,
}: Breach): boolean =>
  state !== 'closed' && risk === 'high' && subjectsInformedAt === null && !subjectsExempt

/** When the authority must have been told, milliseconds since 1970. */
export const dueAt = ({ detectedAt }: Pick<Breach, 'detectedAt'>): number => detectedAt + CLOCK_MS

/** The reminder that has its time, in hours after the clock began; undefined before the first, and when nothing runs. */
export function reminderOf(breach: Breach, now: number): number | undefined {
  if (!clockRuns(breach)) return undefined
  return REMINDER_HOURS.findLast((hours) => now >= breach.detectedAt + hours * HOUR_MS)
}

/**
 * What a breach is after these steps.
 *
 * @throws {SettlementError} HANSE_BREACH_STEP when a step does not follow from those before it
 */
export function breachOf(steps: readonly BreachStep[]): Breach {
  const [first, ...rest] = steps
  if (first?.kind !== 'detected') throw refused('it begins with when it was detected')
  return rest.reduce(take, begun(first))
}

function begun({
  title,
  detectedAt,
  beganAt,
}: Extract<BreachStep, { readonly kind: 'detected' }>): Breach {
  return {
    title,
    detectedAt,
    beganAt,
    state: 'assessing',
    words: {},
    risk: null,
    authorityNotifiedAt: null,
    authorityReference: null,
    subjectsInformedAt: null,
    subjectsInformed: 0,
    subjectsExempt: false,
  }
}

/**
 * What a breach is after one more step.
 *
 * @throws {SettlementError} HANSE_BREACH_STEP
 */
export function take(breach: Breach, step: BreachStep): Breach {
  if (breach.state === 'closed' && step.kind !== 'reopened' && step.kind !== 'noted') {
    throw refused('it is closed; reopen it first')
  }
  switch (step.kind) {
    case 'detected':
      throw refused('it was detected before')
    case 'described':
      return { ...breach, words: { ...breach.words, ...step.words } }
    case 'assessed':
      return { ...breach, state: 'assessed', risk: step.risk }
    case 'authority-notified':
      return notified(breach, step)
    case 'subjects-informed':
      if (step.informedAt < breach.detectedAt) throw refused('nobody was told before it was known')
      return {
        ...breach,
        subjectsInformedAt: breach.subjectsInformedAt ?? step.informedAt,
        subjectsInformed: breach.subjectsInformed + step.people,
      }
    case 'subjects-exempt':
      return { ...breach, subjectsExempt: true }
    case 'noted':
      return breach
    case 'closed':
      return closed(breach)
    case 'reopened':
      if (breach.state !== 'closed') throw refused('it is not closed')
      return { ...breach, state: breach.risk === null ? 'assessing' : 'assessed' }
  }
}

function notified(
  breach: Breach,
  { notifiedAt, reference, delay }: Extract<BreachStep, { readonly kind: 'authority-notified' }>,
): Breach {
  if (notifiedAt < breach.detectedAt) throw refused('nobody was told before it was known')
  // What follows a first notification is information in phases (Art. 33 (4)): the first is what counts.
  if (breach.authorityNotifiedAt !== null) return breach
  if (notifiedAt > dueAt(breach) && delay === null) {
    throw refused('after 72 hours the notification needs the reasons for the delay (Art. 33 (1))')
  }
  return { ...breach, authorityNotifiedAt: notifiedAt, authorityReference: reference }
}

function closed(breach: Breach): Breach {
  const { risk, authorityNotifiedAt, subjectsInformedAt, subjectsExempt } = breach
  if (risk === null) throw refused('say first what the risk is')
  if (risk !== 'unlikely' && authorityNotifiedAt === null) {
    throw refused('the authority was not told (Art. 33)')
  }
  if (risk === 'high' && subjectsInformedAt === null && !subjectsExempt) {
    throw refused('the people concerned were not told, and nothing says why not (Art. 34)')
  }
  return { ...breach, state: 'closed' }
}

const refused = (why: string): SettlementError => new SettlementError('HANSE_BREACH_STEP', why)
