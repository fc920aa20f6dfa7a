import { everybody, personal } from '#lib/api.ts'
import { siteConfig } from '#lib/site-config.ts'

const dayMs = 86_400_000
export const historyDays = 30
const answerWithinMs = 5_000

/** How a provider has served one organization on one day, by receipts that both sides signed. */
export type Day = {
  /** Of UTC: "2026-11-21". */
  readonly day: string
  readonly good: bigint
  readonly failed: bigint
  /** Of the answered and the failed, ten-thousandths; null where there were none. */
  readonly availabilityBps: number | null
  readonly msPerTokenP50: number | null
}

/** The last month of a provider, in the organization of whoever is signed in. @throws {ApiError} when nobody is */
export async function historyOf(provider: string, now: number): Promise<Day[]> {
  const client = await personal()
  const to = Math.ceil(now / dayMs) * dayMs
  const { measurements } = await client.get('/v1/service-levels/measurements', {
    params: {
      query: {
        provider,
        group: 'day',
        from: new Date(to - historyDays * dayMs).toISOString(),
        to: new Date(to).toISOString(),
      },
    },
  })
  return measurements.map(({ key, good, failed, availabilityBps, msPerTokenP50 }) => ({
    day: key.slice(0, 10),
    good: BigInt(good),
    failed: BigInt(failed),
    availabilityBps,
    msPerTokenP50,
  }))
}

/** How a provider has served all organizations together, as everybody may know it. */
export type Levels = {
  /** Up to when, milliseconds since 1970. */
  readonly until: number
  readonly months: readonly {
    /** Of UTC: "2026-11". */
    readonly month: string
    /** Rounded down; 0 is fewer than twenty. */
    readonly sessionsAtLeast: bigint
    readonly availabilityBps: number | null
    readonly msPerTokenP50: number | null
    readonly msPerTokenP95: number | null
  }[]
}

/** Undefined where nobody answers. */
export async function levelsOf(peerId: string): Promise<Levels | undefined> {
  try {
    const client = await everybody()
    const { until, months } = await client.get('/v1/providers/{peerId}/service-levels', {
      params: { path: { peerId } },
    })
    return {
      until,
      months: months.map(({ sessionsAtLeast, ...rest }) => ({
        ...rest,
        sessionsAtLeast: BigInt(sessionsAtLeast),
      })),
    }
  } catch {
    return undefined
  }
}

/** Who a provider is by its own word, as the Digital Services Act has traders say it. */
export type Trader = {
  readonly kind: 'business' | 'small-business' | 'private'
  readonly state: 'declared' | 'verified'
  readonly trader: {
    readonly name: string
    readonly street: string
    readonly postalCode: string
    readonly city: string
    readonly country: string
    readonly telephone: string
    readonly email: string
    readonly register: { readonly name: string; readonly number: string } | null
    readonly vatId: string | null
  } | null
}

/** What everybody may read of who a provider is; undefined where it has said nothing, or nobody answers. */
export async function traderOf(provider: string): Promise<Trader | undefined> {
  try {
    const { settlementUrl } = await siteConfig()
    const response = await fetch(`${settlementUrl}/v1/providers/${provider}/trader`, {
      signal: AbortSignal.timeout(answerWithinMs),
    })
    return response.ok ? ((await response.json()) as Trader) : undefined
  } catch {
    return undefined
  }
}

/** Whether the settlement can pay a provider out; undefined where it does not know it, or does not answer. */
export async function isPayable(provider: string): Promise<boolean | undefined> {
  try {
    const { settlementUrl } = await siteConfig()
    const response = await fetch(`${settlementUrl}/v1/providers/${provider}`, {
      signal: AbortSignal.timeout(answerWithinMs),
    })
    if (!response.ok) return undefined
    const { payable } = (await response.json()) as { payable?: unknown }
    return typeof payable === 'boolean' ? payable : undefined
  } catch {
    return undefined
  }
}
