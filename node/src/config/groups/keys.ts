import { ANONYMOUS } from '../../gateway/keys/anonymous.ts'
import { PERIODS } from '../../gateway/keys/period.ts'
import { NOTE_CONTENTS } from '../../store/note-content.ts'
import * as kinds from '../kinds.ts'

/** Who may use a gateway, and what it may spend. */
export const keysGroup = {
  anonymous: kinds.oneOf(ANONYMOUS, {
    description:
      'who sends no key counts as the owner: auto, until the first key of `hanse gateway keys` is made; never with HANSE_API_KEY',
    fallback: 'auto',
  }),
  budget: kinds.optionalEuro({
    description: 'what this gateway may spend, a hard stop over all keys; no limit when not given',
  }),
  budgetPeriod: kinds.oneOf(PERIODS, {
    description: 'when that budget begins anew, in UTC',
    fallback: 'month',
  }),
  sessionNotes: kinds.oneOf(NOTE_CONTENTS, {
    description:
      'what settlement is told of each session besides its receipts, for the organization alone: nothing; how long it took; also its tags and key; also the end user',
    fallback: 'tags',
  }),
  rules: kinds.oneOf(['on', 'fail-closed', 'off'], {
    description:
      'budgets and policies of the organization at settlement count here; fail-closed: nobody is let in while settlement has not confirmed them for five minutes',
    fallback: 'on',
  }),
  defaultMaxTokens: kinds.integer({
    description:
      'longest answer where a budget counts and neither the request nor its key says; all of it is set aside while it runs',
    placeholder: '<tokens>',
    fallback: 4_096,
    min: 1,
    max: 1_000_000,
  }),
} as const
