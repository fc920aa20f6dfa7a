import { isCancel, note, outro, select } from '@clack/prompts'
import { BASES, type Basis } from '../privacy/lawful-basis.ts'
import { POLICY_TEXT } from '../privacy/policy-text.ts'

/** What each is for, in a few words (GDPR, Article 6(1)). */
const HINTS: Readonly<Record<Basis, string>> = {
  consent: 'the people concerned have agreed',
  contract: 'it is needed for a contract with them',
  'legal-obligation': 'a law requires it of you',
  'vital-interests': 'somebody’s life depends on it',
  'public-task': 'you do so in the public interest',
  'legitimate-interests': 'your interests weigh more than theirs; also for your own data',
}

/** Asks once why personal data may be processed. @returns `undefined` when its owner does not want to say */
export async function askBasis(): Promise<Basis | undefined> {
  note(POLICY_TEXT, 'Before the first request')
  const given = await select({
    message: 'On what basis may this gateway process personal data?',
    options: BASES.map((value) => ({ value, label: value, hint: HINTS[value] })),
  })
  if (isCancel(given)) {
    outro('Nothing was recorded. At home, HANSE_EU_AUDIT=false asks nothing.')
    return undefined
  }
  outro('Recorded; this is not asked again. `hanse gateway consent withdraw` ends it.')
  return given
}
