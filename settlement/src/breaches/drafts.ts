import type { SettlementContext } from '../context.ts'
import type { Language } from '../documents/render/words.ts'
import { operatorOf } from '../documents/sides.ts'
import { type Breach, dueAt } from './breach.ts'
import { DRAFT_WORDS, type DraftWords } from './draft-words.ts'

export const DRAFTS = ['authority', 'subjects'] as const
export type DraftKind = (typeof DRAFTS)[number]

export interface AffectedCounts {
  readonly organizations: number
  readonly people: number
  readonly sessions: number
}

/**
 * A letter to begin with, in Markdown: what is known stands in it, and what Art. 33 (3) and 34 (2) GDPR ask for besides is
 * marked as missing.
 *
 * @param counts null where nobody has looked for who is affected
 */
export function draftOf(
  context: SettlementContext,
  kind: DraftKind,
  language: Language,
  given: { readonly id: string; readonly breach: Breach; readonly counts: AffectedCounts | null },
): string {
  const words = DRAFT_WORDS[language]
  const sections =
    kind === 'authority' ? authority(words, context, given) : subjects(words, context, given)
  const title = kind === 'authority' ? words.authorityTitle : words.subjectsTitle
  return [`# ${title}`, ...sections, words.draft, ''].join('\n\n')
}

interface Given {
  readonly id: string
  readonly breach: Breach
  readonly counts: AffectedCounts | null
}

function authority(words: DraftWords, context: SettlementContext, given: Given): string[] {
  const { id, breach, counts } = given
  const { nature, categories, consequences, measures } = breach.words
  const authorityName = context.compliance?.dataProtection?.authority
  return [
    `${words.to}: ${authorityName ?? words.missing}`,
    `${words.controller}: ${controllerOf(context, words)}`,
    `${words.number}: ${id}`,
    `${words.detected}: ${timeOf(breach.detectedAt)} · ${words.due}: ${timeOf(dueAt(breach))}`,
    `${words.began}: ${breach.beganAt === null ? words.missing : timeOf(breach.beganAt)}`,
    `## (a) ${words.nature}`,
    nature ?? words.missing,
    categories ?? words.missing,
    counts === null
      ? words.missing
      : words.counts(counts.organizations, counts.people, counts.sessions),
    `## (b) ${words.contact}`,
    contactOf(context, words),
    `## (c) ${words.consequences}`,
    consequences ?? words.missing,
    `## (d) ${words.measures}`,
    measures ?? words.missing,
    words.phases,
  ]
}

function subjects(words: DraftWords, context: SettlementContext, { breach }: Given): string[] {
  const { nature, consequences, measures } = breach.words
  return [
    words.greeting,
    `${words.controller}: ${controllerOf(context, words)}`,
    `${words.detected}: ${timeOf(breach.detectedAt)}`,
    `## ${words.whatHappened}`,
    nature ?? words.missing,
    `## ${words.consequences}`,
    consequences ?? words.missing,
    `## ${words.measures}`,
    measures ?? words.missing,
    `## ${words.contact}`,
    contactOf(context, words),
  ]
}

function controllerOf(context: SettlementContext, words: DraftWords): string {
  const { party, test } = operatorOf(context)
  if (test) return words.missing
  const { name, street, postalCode, city, country } = party
  return [name, street, [postalCode, city].filter(Boolean).join(' '), country]
    .filter(Boolean)
    .join(', ')
}

function contactOf({ compliance }: SettlementContext, words: DraftWords): string {
  const { officer, officerEmail, telephone } = compliance?.dataProtection ?? {}
  const known = [officer, officerEmail, telephone].filter((one) => one !== undefined)
  return known.length === 0 ? words.missing : known.join(', ')
}

const timeOf = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
