import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { askGatewayJson, type GatewayAccess } from '../gateway-client.ts'

const answer = z.object({ groups: z.array(z.object({ group: z.string(), amount: z.string() })) })

/** The clocks of two machines differ by less. */
const CLOCKS_MS = 86_400_000

/**
 * What was paid for requests with this tag, by the receipts that the gateway has; pico-euro.
 *
 * @param since ms since 1970: nothing was before
 * @returns 0 where the gateway does not know or say
 */
export async function spentOn(access: GatewayAccess, tag: string, since: number): Promise<bigint> {
  const from = new Date(since - CLOCKS_MS).toISOString()
  try {
    const { groups } = await askGatewayJson(access, `/hanse/v1/spend?by=tag&from=${from}`, answer)
    return BigInt(groups.find(({ group }) => group === tag)?.amount ?? 0)
  } catch (error) {
    if (error instanceof HanseError) return 0n
    throw error
  }
}
