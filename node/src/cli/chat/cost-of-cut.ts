import { setTimeout as delay } from 'node:timers/promises'
import { HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import { askGatewayJson, type GatewayAccess } from '../gateway-client.ts'

const answer = z.object({ data: z.object({ cost_pico_euro: z.string() }) })

/** The last receipt of an answer that was cut is signed within milliseconds, or when a provider is given up. */
const TRIES = 10
const BETWEEN_MS = 100

/**
 * What an answer cost that did not come to its end, and so could not tell it: its part is paid for all the same.
 *
 * @returns `undefined` for one that did, and where the gateway does not know
 */
export async function costOfCut(
  access: GatewayAccess,
  requestId: string,
  fault: HanseError | undefined,
): Promise<PicoEuro | undefined> {
  if (fault === undefined || requestId === '') return undefined
  const path = `/hanse/v1/generation?id=${encodeURIComponent(requestId)}`
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      const { data } = await askGatewayJson(access, path, answer)
      return picoEuro(BigInt(data.cost_pico_euro))
    } catch (error) {
      // Not known until the last of its sessions has ended.
      if (!(error instanceof HanseError) || error.code !== 'HANSE_NOT_FOUND') return undefined
    }
    await delay(BETWEEN_MS)
  }
  return undefined
}
