import type { DataProtection } from '../config/data-protection.ts'
import type { RetentionPeriods } from '../retention/periods.ts'

/** How this installation runs, as far as records of processing speak of it. */
export interface InstallationFacts {
  readonly database: 'embedded' | 'postgresql'
  /** Whether the connection to the database is encrypted, as its address says; always on the same machine when embedded. */
  readonly databaseTls: boolean
  readonly stripe: 'stripe' | 'double'
  /** Host of the mail server; null when no mail is sent. */
  readonly mailHost: string | null
  readonly mailTls: boolean
  readonly witnesses: number
  readonly landmarks: number
  /** Hosts that rate cards are fetched from. */
  readonly feedHosts: readonly string[]
  readonly approval: boolean
}

/** What EU mode goes by besides the rest of the settings. */
export interface ComplianceTerms {
  readonly retention: RetentionPeriods
  readonly dataProtection: DataProtection | null
  /** How long a provider may be paid before it has said who it is, in milliseconds. */
  readonly traderGraceMs: number
  readonly facts: InstallationFacts
}

const DAY_MS = 86_400_000

/** What counts where nobody has set anything. */
export const DEFAULT_COMPLIANCE: ComplianceTerms = {
  retention: {},
  dataProtection: null,
  // A month is enough to type an address, and short enough that nobody is paid for long without one.
  traderGraceMs: 30 * DAY_MS,
  facts: {
    database: 'embedded',
    databaseTls: true,
    stripe: 'double',
    mailHost: null,
    mailTls: false,
    witnesses: 0,
    landmarks: 0,
    feedHosts: [],
    approval: false,
  },
}
