import { randomUUID } from 'node:crypto'
import { asHanseError, picoEuro } from '@hanse/protocol'
import type { GatewaySettlementProbe } from '../gateway-facts.ts'
import { clientOf, readBalance, type SettlementAccess } from './settlement.ts'

const REQUEST_MS = 5_000
/** The shortest that settlement grants. */
const LIFETIME_MS = 10_000

/**
 * Asks settlement whether this gateway could spend.
 *
 * @param provider with one, a hold of a millionth of a millionth of a euro is asked for, for ten seconds: nothing else
 *   tells whether the organization knows this gateway
 */
export async function probeGatewaySettlement(
  access: SettlementAccess,
  provider: string | undefined,
): Promise<GatewaySettlementProbe> {
  try {
    await clientOf(access).identity()
  } catch (error) {
    const { message } = asHanseError(error)
    return {
      reachable: false,
      message,
      available: undefined,
      refusal: undefined,
      member: 'unknown',
    }
  }
  const known = { reachable: true, message: '' }
  try {
    const available = picoEuro(await readBalance(access))
    const member = provider === undefined ? 'unknown' : await isMember(access, provider)
    return { ...known, available, refusal: undefined, member }
  } catch (error) {
    return { ...known, available: undefined, refusal: asHanseError(error).code, member: 'unknown' }
  }
}

async function isMember(
  { url, apiKey, signer }: SettlementAccess,
  provider: string,
): Promise<GatewaySettlementProbe['member']> {
  const body = { consumer: signer.peerId, provider, amount: '1', lifetimeMs: LIFETIME_MS }
  const response = await fetch(`${url}/v1/authorizations`, {
    method: 'POST',
    signal: AbortSignal.timeout(REQUEST_MS),
    headers: {
      authorization: `Bearer ${apiKey ?? ''}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body: JSON.stringify(body),
  })
  if (response.ok) return 'yes'
  const { code } = (await response.json().catch(() => ({}))) as { code?: unknown }
  return code === 'HANSE_CONSUMER_UNKNOWN' ? 'no' : 'unknown'
}
