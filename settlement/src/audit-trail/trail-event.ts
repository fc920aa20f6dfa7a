import type { LogEventKind } from '@hanse/protocol'

/** What an event's sealed part says, once it is open. */
export type TrailDetails = Readonly<
  Record<string, string | bigint | number | null | readonly string[]>
>

/** What the books say of what an event is about: nothing of it is sealed, since nothing of it is in the log. */
export interface TrailFacts {
  readonly provider: string | null
  readonly consumer: string | null
  /** Prefix of the key that asked for the money; null where a person did, or nobody is known. */
  readonly key: string | null
  /** Id of a person. */
  readonly member: string | null
}

/** An event as somebody may see it. */
export interface TrailEvent {
  readonly id: bigint
  readonly kind: LogEventKind
  /** Milliseconds since 1970. */
  readonly at: number
  /** CID of what it is about. */
  readonly record: string | null
  /** Its place in the log; null for the second until it has one. */
  readonly leaf: bigint | null
  /** `none`: there is nothing to open. `sealed`: somebody else's, or its key was destroyed. */
  readonly seal: 'none' | 'open' | 'sealed'
  readonly details: TrailDetails | null
  readonly facts: TrailFacts | null
}

/** Who looks: an organization at what is its own, or the platform at everything, of which it opens its own and what is of providers. */
export type Viewer = { readonly organization: string } | 'platform'

/** What an event tells, in the terms that it is searched by. */
export interface TrailTerms extends TrailFacts {
  /** CID of the order. */
  readonly session: string | null
  readonly models: readonly string[]
  readonly country: string | null
  /** Pico-euro. */
  readonly amount: bigint | null
  /** Why something was refused. */
  readonly reason: string | null
}

export function termsOf({ kind, details, facts }: TrailEvent): TrailTerms {
  const text = (name: string): string | null => {
    const value = details?.[name]
    return typeof value === 'string' ? value : null
  }
  const amount = details?.increase ?? details?.limit
  const by = text('by')
  return {
    session: text('session'),
    models: modelsOf(details),
    country: text('country'),
    // What fits into a number comes back as one.
    amount: typeof amount === 'bigint' || typeof amount === 'number' ? BigInt(amount) : null,
    reason: text('reason') ?? (kind === 'policy-violation' ? violationOf(details) : null),
    provider: facts?.provider ?? text('provider'),
    consumer: facts?.consumer ?? text('consumer'),
    key: facts?.key ?? text('key') ?? after(by, 'key:'),
    member: facts?.member ?? text('member') ?? after(by, 'person:'),
  }
}

function modelsOf(details: TrailDetails | null): readonly string[] {
  const models = details?.models
  if (Array.isArray(models)) return models as readonly string[]
  return typeof details?.model === 'string' ? [details.model] : []
}

const violationOf = (details: TrailDetails | null): string | null =>
  details === null ? null : 'equivocation' in details ? 'equivocation' : 'residency'

const after = (text: string | null, prefix: string): string | null =>
  text?.startsWith(prefix) === true ? text.slice(prefix.length) : null
