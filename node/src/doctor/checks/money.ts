import { formatEuro, PICO_PER_EURO } from '@hanse/protocol'
import { adviceFor } from '../code-advice.ts'
import { type Finding, type FindingFacts, fail, ok, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** What a gateway holds for one provider by default. */
const DEFAULT_AUTHORIZATION = 5n * PICO_PER_EURO
/** Lists are read every minute; fewer than one in half an hour means that they do not get through. */
const REVOCATIONS_AGE_MS_MAX = 30 * 60_000
/** A round of Statements takes seconds; this many waiting receipts mean that it does not get through. */
const UNSETTLED_MAX = 1_000

export function settlementAnswers({
  terms,
  settlement,
  status,
}: ProviderFacts): Finding | undefined {
  const id = 'settlement.reachable'
  const url = status?.settlement?.url ?? terms.settlementUrl
  if (url === undefined) return undefined
  const seen = settlement ?? status?.settlement
  if (seen === undefined) return undefined
  return seen.reachable
    ? ok(id, 'settlement answers', { url })
    : fail(
        id,
        `settlement does not answer: ${seen.message}`,
        `Check --settlement-url and the connection to ${url}; until it answers nothing is paid out.`,
        { url },
      )
}

export function settlementPays({ settlement, status }: ProviderFacts): Finding | undefined {
  const id = 'settlement.payable'
  const payable = settlement?.payable ?? status?.settlement?.payable
  if (settlement === undefined && status?.settlement === undefined) return undefined
  if (payable === undefined) {
    return settlement?.reachable === true
      ? fail(
          id,
          'settlement knows no payout account of this provider',
          'Start the provider with --settlement-url: it makes the account and prints where to finish it.',
        )
      : undefined
  }
  if (payable) return ok(id, 'Stripe would pay you today')
  const url = settlement?.onboardingUrl ?? status?.settlement?.onboardingUrl
  return fail(
    id,
    'Stripe would not pay you yet: onboarding is not finished',
    url === undefined
      ? 'Restart the provider: it prints where to finish onboarding.'
      : `Finish it at ${url}`,
    { onboardingUrl: url ?? null },
  )
}

export function receiptsSettle({ status }: ProviderFacts): Finding | undefined {
  const id = 'settlement.receipts'
  if (status?.settlement === undefined) return undefined
  const { unsettled, refused } = status.settlement
  const codes = Object.entries(refused).filter(([, count]) => count > 0)
  const facts: FindingFacts = { unsettled, refused: codes.map(([code, n]) => `${code}: ${n}`) }
  const first = codes.toSorted(([, a], [, b]) => b - a)[0]
  if (first !== undefined) {
    const [code, count] = first
    return fail(
      id,
      `settlement refused ${count} receipts for good: ${code}`,
      adviceFor(code),
      facts,
    )
  }
  return unsettled > UNSETTLED_MAX
    ? warn(
        id,
        `${unsettled} receipts wait for settlement`,
        'They are kept and sent again; see settlement.reachable.',
        facts,
      )
    : ok(
        id,
        unsettled === 0 ? 'every receipt is settled' : `${unsettled} receipts on their way`,
        facts,
      )
}

/** Without a new list an authorization that was revoked since is served all the same; settlement pays that, too. */
export function revocationsRead({ status }: ProviderFacts): Finding | undefined {
  const id = 'settlement.revocations'
  const seen = status?.settlement?.revocations
  if (status === undefined || seen === undefined) return undefined
  // It has just started.
  if (seen.at === 0 && seen.fault === '') return undefined
  const ageMs = status.now - seen.at
  const facts: FindingFacts = { known: seen.known, at: seen.at }
  if (ageMs <= REVOCATIONS_AGE_MS_MAX)
    return ok(id, 'authorizations that settlement revokes are known', facts)
  const age =
    seen.at === 0 ? 'none was ever read' : `the last is of ${new Date(seen.at).toISOString()}`
  return warn(
    id,
    `settlement's list of revoked authorizations cannot be read${seen.fault === '' ? '' : `: ${seen.fault}`}; ${age}`,
    'The last list holds, and what you serve is paid; see settlement.reachable.',
    facts,
  )
}

/** An order needs an authorization by a settlement that the provider honours, or fits into the unsecured credit. */
export function consumersCanPay({ terms }: ProviderFacts): Finding {
  const id = 'terms.payment'
  const { settlementUrl, unsecuredCredit } = terms
  const facts = { settlement: settlementUrl ?? null, unsecuredCredit: formatEuro(unsecuredCredit) }
  if (settlementUrl !== undefined) return ok(id, 'consumers pay through settlement', facts)
  return unsecuredCredit === 0n
    ? fail(
        id,
        'nobody can pay you: no settlement is set, and strangers get no credit, so every order is refused',
        'Set --settlement-url to be paid, or --unsecured-credit 1 among friends.',
        facts,
      )
    : warn(
        id,
        `without settlement you give each stranger ${facts.unsecuredCredit} of answers and are never paid`,
        'Set --settlement-url to be paid; in a homelab this is as it should be.',
        facts,
      )
}

export function authorizationReachable({ terms }: ProviderFacts): Finding | undefined {
  const id = 'terms.min-authorization'
  const { minAuthorization, settlementUrl } = terms
  if (settlementUrl === undefined) return undefined
  const facts = {
    minAuthorization: formatEuro(minAuthorization),
    gatewayDefault: formatEuro(DEFAULT_AUTHORIZATION as typeof minAuthorization),
  }
  return minAuthorization > DEFAULT_AUTHORIZATION
    ? warn(
        id,
        `you ask for authorizations of ${facts.minAuthorization}; gateways hold ${facts.gatewayDefault} by default, and few have that much to hold`,
        'Lower --min-authorization.',
        facts,
      )
    : ok(id, 'the authorizations that gateways hold by default are enough', facts)
}
