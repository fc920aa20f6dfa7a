import { isCountryCode } from '@hanse/protocol'
import { z } from 'zod'
import { readTable } from './read-table.ts'

const TEXT_MAX = 200
const RECIPIENTS_MAX = 50
const text = z.string().trim().min(1).max(TEXT_MAX)
const country = z.string().refine(isCountryCode, { error: 'not an ISO 3166-1 alpha-2 code' })

/** Who else sees data, as the operator names them: what a service cannot know of itself. */
const recipient = z.strictObject({
  name: text,
  country,
  purpose: text,
  /** Outside the EEA: what the transfer rests on, such as `adequacy decision` or `standard contractual clauses`. */
  safeguard: text.optional(),
})
export type Recipient = z.output<typeof recipient>

export const dataProtectionSetting = z.strictObject({
  /** Of the data protection officer. */
  officer: text.optional(),
  officerEmail: text.optional(),
  /** Of the operator, for whoever asks. */
  telephone: text.optional(),
  /** The supervisory authority, and the country whose authority it is. */
  authority: text.optional(),
  /** In the Union, of an operator outside of it (Art. 27). */
  representative: text.optional(),
  /** Where the machines are. */
  hosting: z.strictObject({ name: text, country, safeguard: text.optional() }).optional(),
  /** Whose mail server it is. */
  mail: z.strictObject({ name: text, country, safeguard: text.optional() }).optional(),
  recipients: z.array(recipient).max(RECIPIENTS_MAX).default([]),
  /** Measures outside of this program, one sentence each. */
  measures: z.array(text).max(RECIPIENTS_MAX).default([]),
})
export type DataProtection = z.output<typeof dataProtectionSetting>

/** A table of hanse.toml, or the same as JSON in a flag or variable. */
export const dataProtectionOption = readTable(dataProtectionSetting).optional()
