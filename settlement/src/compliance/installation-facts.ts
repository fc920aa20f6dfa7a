import type { InstallationFacts } from './compliance-terms.ts'

/** As much of the settings as says how an installation runs. */
export interface InstalledAs {
  readonly databaseUrl?: string
  /** Absent where a sandbox stands in. */
  readonly stripe?: object
  readonly stripeUrl?: string
  readonly smtp?: { readonly url: string }
  readonly witnesses?: readonly unknown[]
  readonly landmarks?: readonly unknown[]
  readonly rateCardFeeds?: readonly { readonly url: string }[]
  readonly terms?: { readonly payoutApprovalCents?: bigint | null }
}

const ENCRYPTED = new Set(['require', 'verify-ca', 'verify-full'])
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', ''])

export function installationFacts(options: InstalledAs): InstallationFacts {
  const { databaseUrl, smtp, witnesses = [], landmarks = [], rateCardFeeds = [] } = options
  const mail = smtp === undefined ? null : new URL(smtp.url)
  return {
    database: databaseUrl === undefined ? 'embedded' : 'postgresql',
    databaseTls: databaseUrl === undefined || staysSafe(databaseUrl),
    stripe: options.stripe !== undefined && options.stripeUrl === undefined ? 'stripe' : 'double',
    mailHost: mail?.hostname ?? null,
    mailTls: mail !== null,
    witnesses: witnesses.length,
    landmarks: landmarks.length,
    feedHosts: [...new Set(rateCardFeeds.map(({ url }) => new URL(url).host))].sort(),
    approval: (options.terms?.payoutApprovalCents ?? null) !== null,
  }
}

/** On this machine, or over TLS that is asked for: `prefer` takes what it gets. */
function staysSafe(databaseUrl: string): boolean {
  const url = URL.parse(databaseUrl)
  if (url === null) return false
  const host = url.searchParams.get('host') ?? url.hostname
  return (
    LOOPBACK.has(host) ||
    host.startsWith('/') ||
    ENCRYPTED.has(url.searchParams.get('sslmode') ?? '')
  )
}
