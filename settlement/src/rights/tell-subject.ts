import type { SettlementContext } from '../context.ts'
import { tell } from '../people/links.ts'
import { LIFT_NOTICE_MS, type RightsRequest, type RightsStep } from './rights-request.ts'

type Context = Pick<SettlementContext, 'store' | 'mailer' | 'developmentMailer'>

/** What whoever asked is told without asking again (GDPR, Article 12(3) and (4)). */
const TOLD: ReadonlySet<RightsStep['step']> = new Set([
  'extended',
  'done',
  'refused',
  'announced',
  'lifted',
  'withdrawn',
])
const OWNERS_MAX = 500

/** Tells a person, the owners of an organization, or who has linked a provider's node, what became of a request. */
export async function tellSubject(
  context: Context,
  request: RightsRequest,
  step: RightsStep,
): Promise<void> {
  if (!TOLD.has(step.step)) return
  const letter = letterOf(request, step)
  for (const email of await addressesOf(context, request)) await tell(context, email, letter)
}

async function addressesOf(
  { store }: Context,
  { subjectKind, subject }: RightsRequest,
): Promise<string[]> {
  if (subjectKind === 'person') {
    const person = await store.person(subject)
    return person === undefined ? [] : [person.email]
  }
  if (subjectKind === 'provider') return (await store.nodeOwners(subject)).map(({ email }) => email)
  const members = await store.members(subject, '', OWNERS_MAX)
  return members.filter(({ role }) => role === 'owner').map(({ email }) => email)
}

function letterOf(request: RightsRequest, step: RightsStep): { subject: string; text: string } {
  const due = new Date(request.dueAt).toISOString().slice(0, 10)
  const ground = 'ground' in step ? step.ground : ''
  const what: Partial<Record<RightsStep['step'], string>> = {
    extended: `An answer needs more time (${ground}): you get it by ${due}.`,
    done: 'It is done.',
    announced: `The restriction of processing will be lifted, on ${liftDay(request)} at the earliest: your data are then processed again. If you think that this is wrong, answer this letter before, complain to a supervisory authority, or go to court (GDPR, Articles 77 and 79).`,
    lifted: 'The restriction is lifted: your data are processed again.',
    withdrawn: 'You have withdrawn the restriction: your data are processed again.',
    refused: `It was refused, on this ground: ${ground}.

You may complain to a supervisory authority, and go to court (GDPR, Articles 77 and 79).`,
  }
  return {
    subject: `Your request about your data (${request.kind})`,
    text: `You asked on ${new Date(request.receivedAt).toISOString().slice(0, 10)}; the number is ${request.id}.

${what[step.step] ?? ''}
`,
  }
}

const liftDay = ({ announcedAt }: RightsRequest): string =>
  new Date((announcedAt ?? 0) + LIFT_NOTICE_MS).toISOString().slice(0, 10)
