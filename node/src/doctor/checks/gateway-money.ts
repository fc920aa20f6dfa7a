import { formatEuro } from '@hanse/protocol'
import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { GatewayFacts } from '../gateway-facts.ts'

export function gatewaySettlement({ terms, settlement }: GatewayFacts): Finding {
  const id = 'gateway.settlement'
  const { settlementUrl } = terms
  if (settlementUrl === undefined || settlement === undefined) {
    return warn(
      id,
      'no settlement is set: only providers that give strangers credit answer',
      'Set --settlement-url; among friends, providers set --unsecured-credit.',
    )
  }
  return settlement.reachable
    ? ok(id, 'settlement answers', { url: settlementUrl })
    : fail(
        id,
        `settlement does not answer: ${settlement.message}`,
        `Check --settlement-url and the connection to ${settlementUrl}.`,
        { url: settlementUrl },
      )
}

export function gatewayKey({ terms, settlement }: GatewayFacts): Finding | undefined {
  const id = 'gateway.key'
  if (settlement === undefined || !settlement.reachable) return undefined
  if (!terms.hasSettlementKey) {
    return fail(
      id,
      'no API key of an organization is set, so nothing can be authorized',
      'Set HANSE_SETTLEMENT_API_KEY to a key of your organization.',
    )
  }
  return settlement.refusal === 'HANSE_UNAUTHENTICATED'
    ? fail(
        id,
        'settlement does not know the API key',
        'Set HANSE_SETTLEMENT_API_KEY to a key of your organization at this settlement.',
        { code: settlement.refusal },
      )
    : ok(id, 'settlement knows the API key')
}

export function gatewayBalance({ terms, settlement }: GatewayFacts): Finding | undefined {
  const id = 'gateway.balance'
  const available = settlement?.available
  if (available === undefined) return undefined
  const { authorizationAmount } = terms
  const facts = {
    available: formatEuro(available),
    authorizationAmount: formatEuro(authorizationAmount),
  }
  if (available <= 0n) {
    return fail(
      id,
      'the organization’s balance is used up or held',
      'Top it up at settlement (POST /v1/top-ups); holds that ended come free by themselves.',
      facts,
    )
  }
  return available < authorizationAmount
    ? warn(
        id,
        `${facts.available} are available, less than one hold of ${facts.authorizationAmount}`,
        'Top up the balance, or lower --authorization-amount.',
        facts,
      )
    : ok(id, `${facts.available} are available`, facts)
}

export function gatewayMember({ settlement, view }: GatewayFacts): Finding | undefined {
  const id = 'gateway.member'
  if (settlement === undefined || !settlement.reachable || !view.answers) return undefined
  const facts = { peerId: view.peerId }
  switch (settlement.member) {
    case 'yes':
      return ok(id, 'the organization has this gateway among its consumers', facts)
    case 'no':
      return fail(
        id,
        'the organization does not have this gateway among its consumers',
        `Have the operator add the peer id ${view.peerId} to your organization.`,
        facts,
      )
    case 'unknown':
      return unknown(
        id,
        'whether the organization knows this gateway was not tried',
        'It is tried when a provider with a payout account is found; see gateway.offers.',
        facts,
      )
  }
}
