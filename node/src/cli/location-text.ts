import { reachKm, regionAttestation } from '@hanse/protocol'
import type { ProviderLocation, PublishedLandmark } from '../settlement/provider-api.ts'
import { dayText } from './money/money-text.ts'
import type { Paint } from './pretty-line.ts'
import { clean } from './terminal-text.ts'

const KIND_WIDTH = 9
const OUTCOMES: Readonly<Record<string, string>> = {
  supports: 'counts',
  open: 'says neither yes nor no',
  contradicts: 'contradicts what you declared',
}

/** What one landmark measured, and how far away that can be at most. */
export function roundTripText(
  { latitude, longitude, peerId }: PublishedLandmark,
  roundTripUs: number | undefined,
  why = '',
): string {
  const where = `${latitude}, ${longitude} (…${clean(peerId).slice(-8)})`
  if (roundTripUs === undefined) return `${where}: not measured: ${clean(why)}`
  const ms = (roundTripUs / 1000).toFixed(1)
  return `${where}: ${ms} ms, so at most ${Math.ceil(reachKm(roundTripUs))} km away`
}

/** What settlement makes of where a provider is, for people. */
export function locationLines(location: ProviderLocation, paint: Paint): string[] {
  const { country, evidence, attestation, refusal } = location
  const lines = evidence.map(({ kind, outcome, reference, country: of, expiresAt }) => {
    const what = `${clean(of)}, ${OUTCOMES[outcome] ?? clean(outcome)}`
    return `${clean(kind).padEnd(KIND_WIDTH)} ${what} (${clean(reference)}), until ${dayText(expiresAt)}`
  })
  if (attestation !== null) {
    const { level, notAfter } = regionAttestation.decode(attestation.bytes)
    const text = `attested in ${clean(country)}, level ${level}, until ${dayText(notAfter)}`
    return [...lines, paint('green', text), 'A running provider shows it within ten minutes.']
  }
  return [...lines, paint('yellow', `not attested: ${reasonText(refusal, country)}`)]
}

function reasonText(refusal: ProviderLocation['refusal'], country: string): string {
  if (refusal === null) return 'no reason given'
  const detail = clean(refusal.detail ?? '')
  switch (refusal.reason) {
    case 'no-evidence':
      return `nothing shows that it is in ${clean(country)}: finish onboarding for payouts, or ask the operator to check documents`
    case 'contradicted':
      return `${detail} says that it is not in ${clean(country)}; where that is wrong, ask the operator to check documents`
    case 'blocked':
      return `the operator of settlement has revoked it: ${detail}`
    default:
      return clean(refusal.reason)
  }
}
