import { asHanseError, HanseError, type Signer } from '@hanse/protocol'
import { SettlementClient } from '../../settlement/settlement-client.ts'
import type { ClockReading, SettlementProbe } from '../provider-facts.ts'

const REQUEST_MS = 5_000
/** The Date header has whole seconds: on average half of one has passed. */
const DATE_ROUNDING_MS = 500

export interface SettlementAccess {
  readonly url: string
  readonly network: string
  readonly signer: Signer
  readonly apiKey?: string | undefined
  readonly now: () => number
}

export function clientOf({
  url,
  network,
  signer,
  apiKey,
  now,
}: SettlementAccess): SettlementClient {
  return new SettlementClient({ url, apiKey, context: { network }, signer, now })
}

/** Asks settlement who it is and whether it would pay this provider. */
export async function probeSettlement(access: SettlementAccess): Promise<SettlementProbe> {
  const { url } = access
  const client = clientOf(access)
  const nothing = { url, peerId: undefined, payable: undefined, onboardingUrl: undefined }
  let peerId: string
  try {
    peerId = await client.identity()
  } catch (error) {
    return { ...nothing, reachable: false, message: asHanseError(error).message }
  }
  try {
    const { payable, onboardingUrl } = await client.providerAccount()
    return { url, reachable: true, peerId, payable, onboardingUrl, message: '' }
  } catch (error) {
    const { message, code } = asHanseError(error)
    const reachable = code !== 'HANSE_SETTLEMENT_UNAVAILABLE'
    return { ...nothing, reachable, peerId, message }
  }
}

/** This machine's clock against that of an HTTP server; `undefined` when it does not tell the time. */
export async function readHttpClock(
  url: string,
  source: string,
  now: () => number,
): Promise<ClockReading | undefined> {
  try {
    const asked = now()
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(REQUEST_MS) })
    const middle = (asked + now()) / 2
    const theirs = Date.parse(response.headers.get('date') ?? '')
    if (Number.isNaN(theirs)) return undefined
    return { source, offsetMs: middle - (theirs + DATE_ROUNDING_MS) }
  } catch {
    return undefined
  }
}

/** What a consumer organization has to spend, in pico-euro. @throws {HanseError} */
export async function readBalance(access: SettlementAccess): Promise<bigint> {
  const response = await fetch(`${access.url}/v1/balance`, {
    headers: { authorization: `Bearer ${access.apiKey ?? ''}` },
    signal: AbortSignal.timeout(REQUEST_MS),
  })
  if (response.status === 401) {
    throw new HanseError('HANSE_UNAUTHENTICATED', 'settlement does not know the API key')
  }
  const { available } = (await response.json()) as { available?: unknown }
  if (!response.ok || typeof available !== 'string' || !/^-?\d{1,40}$/u.test(available)) {
    throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', `settlement answered ${response.status}`)
  }
  return BigInt(available)
}
