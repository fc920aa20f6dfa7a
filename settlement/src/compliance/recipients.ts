import type { SettlementContext } from '../context.ts'
import { DEFAULT_COMPLIANCE } from './compliance-terms.ts'

/** Kinds of recipients (Art. 30 (1) (d) GDPR), and what each of them gets. */
export const RECIPIENT_KINDS = [
  'payments',
  'hosting',
  'mail',
  'vat-register',
  'log-witness',
  'provider',
  'named',
] as const
export type RecipientKind = (typeof RECIPIENT_KINDS)[number]

/** Somebody who gets data, or may. */
export interface KnownRecipient {
  readonly kind: RecipientKind
  readonly name: string
  /** ISO 3166-1 alpha-2; null where nobody has said. */
  readonly country: string | null
  /** Of what the operator names. */
  readonly purpose: string | null
  /** What a transfer out of the EEA rests on, as the operator says. */
  readonly safeguard: string | null
  /** Providers of a country, and sessions that they processed in the last 90 days. */
  readonly providers: number | null
  readonly sessions: number | null
}

const DAY_MS = 86_400_000
const USED_MS = 90 * DAY_MS

/** From the settings as they are, and from the providers that were in use in the last 90 days. */
export async function recipientsOf(context: SettlementContext): Promise<KnownRecipient[]> {
  const { store, now } = context
  const used = await store.providersInUse(now() - USED_MS)
  return [
    ...ofSettings(context),
    ...used.map(
      ({ country, providers, sessions }): KnownRecipient => ({
        ...NOTHING_SAID,
        kind: 'provider',
        name: country,
        country,
        providers,
        sessions,
      }),
    ),
  ]
}

function ofSettings({ compliance, seller }: SettlementContext): KnownRecipient[] {
  const { dataProtection, facts } = compliance ?? DEFAULT_COMPLIANCE
  const { hosting, mail, recipients = [] } = dataProtection ?? {}
  const found: KnownRecipient[] = []
  if (facts.stripe === 'stripe') {
    // The contract of customers in the EEA is with this company.
    found.push({
      ...NOTHING_SAID,
      kind: 'payments',
      name: 'Stripe Payments Europe, Limited',
      country: 'IE',
    })
  }
  found.push({
    ...NOTHING_SAID,
    kind: 'hosting',
    name: hosting?.name ?? '',
    country: hosting?.country ?? null,
    safeguard: hosting?.safeguard ?? null,
  })
  if (facts.mailHost !== null) {
    found.push({
      ...NOTHING_SAID,
      kind: 'mail',
      name: mail?.name ?? facts.mailHost,
      country: mail?.country ?? null,
      safeguard: mail?.safeguard ?? null,
    })
  }
  if (seller !== undefined) {
    found.push({
      ...NOTHING_SAID,
      kind: 'vat-register',
      name: 'European Commission (VIES)',
      country: 'BE',
    })
  }
  if (facts.witnesses > 0) {
    found.push({ ...NOTHING_SAID, kind: 'log-witness', name: String(facts.witnesses) })
  }
  for (const { name, country, purpose, safeguard } of recipients) {
    found.push({
      ...NOTHING_SAID,
      kind: 'named',
      name,
      country,
      purpose,
      safeguard: safeguard ?? null,
    })
  }
  return found
}

const NOTHING_SAID = {
  country: null,
  purpose: null,
  safeguard: null,
  providers: null,
  sessions: null,
} as const
