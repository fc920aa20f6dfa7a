import type { Market } from '../../scripts/demo/market.ts'

export interface SessionFacts {
  readonly session: string
  readonly peer: string
  readonly reason?: string
  /** Pico-euro, decimal digits. */
  readonly amount: string
  readonly settled?: boolean
}

/** The gateway's sessions, newest first. */
export async function sessionsOf({ gatewayUrl }: Market): Promise<SessionFacts[]> {
  const response = await fetch(`${gatewayUrl}/hanse/v1/sessions`)
  return ((await response.json()) as { sessions: SessionFacts[] }).sessions
}

/** Waits until settlement has acknowledged a session. */
export async function untilSettled({ gatewayUrl }: Market, session: string): Promise<SessionFacts> {
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`${gatewayUrl}/hanse/v1/sessions/${session}`)
    const facts = (await response.json()) as SessionFacts
    if (facts.settled === true && facts.reason !== undefined) return facts
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${session} was not settled within 10 s`)
}
