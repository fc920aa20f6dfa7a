import { z } from 'zod'
import type { GatewayView, OffersView } from '../gateway-facts.ts'

/** The first look at a market takes as long as a DHT query and the slowest provider. */
const REQUEST_MS = 15_000

const health = z.object({ peerId: z.string(), connections: z.number() })
const row = z.object({ provider: z.string(), freeSlots: z.number() })
const offers = z.object({
  policy: z.object({ minLevel: z.number() }),
  candidates: z.array(row),
  excluded: z.array(
    row.extend({
      reasons: z.array(z.object({ code: z.string(), message: z.string(), change: z.string() })),
    }),
  ),
})
const consent = z.object({ standing: z.object({}).nullable() })
const problem = z.object({ error: z.object({ code: z.string() }) })

export interface SeenGateway {
  readonly view: GatewayView
  /** Some provider on this market, whatever the policy says of it. */
  readonly provider: string | undefined
}

/** Asks a running gateway what it sees. */
export async function viewGateway(url: string, apiKey: string | undefined): Promise<SeenGateway> {
  const ask = async (path: string) =>
    await fetch(`${url}${path}`, {
      signal: AbortSignal.timeout(REQUEST_MS),
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    })
  try {
    const { peerId, connections } = health.parse(await (await ask('/healthz')).json())
    const [answer, checkpoint, stated] = await Promise.all([
      ask('/hanse/v1/offers'),
      ask('/log/checkpoint'),
      ask('/hanse/v1/consent'),
    ])
    const hasBasis = stated.ok ? consent.parse(await stated.json()).standing !== null : undefined
    const known = {
      answers: true,
      peerId,
      connections,
      checkpoint: checkpoint.ok,
      hasBasis,
    } as const
    if (!answer.ok) {
      const said = problem.safeParse(await answer.json().catch(() => undefined))
      const refusal = said.success ? said.data.error.code : `HTTP ${answer.status}`
      return { view: { ...known, offers: undefined, refusal }, provider: undefined }
    }
    const told = offers.parse(await answer.json())
    const { candidates, excluded } = told
    return {
      view: { ...known, offers: summaryOf(told), refusal: undefined },
      provider: (candidates[0] ?? excluded[0])?.provider,
    }
  } catch (error) {
    return { view: { answers: false, message: reasonOf(error) }, provider: undefined }
  }
}

function summaryOf({ policy, candidates, excluded }: z.output<typeof offers>): OffersView {
  return {
    minLevel: policy.minLevel,
    candidates: candidates.length,
    freeSlots: candidates.reduce((sum, { freeSlots }) => sum + freeSlots, 0),
    excluded: excluded.flatMap(({ reasons }) => reasons.slice(0, 1)),
  }
}

/** What fetch throws says only that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return 'something else answers there'
  if (!(error instanceof Error)) return 'no answer'
  const { cause } = error
  if (cause instanceof Error && 'code' in cause) return String(cause.code)
  return error.name === 'TimeoutError' ? `no answer within ${REQUEST_MS / 1000} s` : error.message
}
