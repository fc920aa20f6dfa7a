import { type PackageFile, parseCheckpoint } from '@hanse/protocol'
import type { AuditPackage } from '../audit-package.ts'
import { type TrailEvent, termsOf } from '../trail-event.ts'

/** What a person is told of an evidence package. */
export interface Summary {
  readonly organization: string
  readonly name: string
  readonly from: number
  readonly to: number
  readonly madeAt: number
  /** Of chosen sessions alone. */
  readonly chosen: number
  readonly issuer: string
  readonly network: string
  readonly log: {
    readonly origin: string
    readonly size: bigint
    /** Base64. */
    readonly root: string
    readonly witnesses: number
  }
  readonly kinds: readonly (readonly [kind: string, events: number])[]
  readonly uses: readonly Use[]
  readonly refusals: readonly Refusal[]
  readonly moreRefusals: number
  readonly files: readonly (readonly [folder: string, files: number])[]
}

/** What was asked of a model in a country. */
export interface Use {
  readonly model: string
  readonly country: string
  readonly providers: number
  readonly bookings: number
  /** Pico-euro. */
  readonly amount: bigint
}

export interface Refusal {
  readonly at: number
  readonly kind: string
  readonly reason: string
}

export interface SummaryFacts {
  readonly wanted: AuditPackage
  readonly name: string
  readonly issuer: string
  readonly network: string
  readonly origin: string
  /** The checkpoint with the lines of the witnesses. */
  readonly note: string
  readonly events: readonly TrailEvent[]
  readonly files: readonly PackageFile[]
}

/** Two pages of them; the rest is in the files. */
const REFUSALS_MAX = 60
const REFUSED: ReadonlySet<string> = new Set(['policy-violation', 'authorization-refused'])

export function summarize({ wanted, note, events, files, ...facts }: SummaryFacts): Summary {
  const { organization, from, to, createdAt, sessions } = wanted
  const { size, root } = parseCheckpoint(note)
  const refusals = events
    .filter(({ kind }) => REFUSED.has(kind))
    .map((event) => ({
      at: event.at,
      kind: event.kind,
      reason: termsOf(event).reason ?? '',
    }))
  return {
    organization,
    name: facts.name,
    from,
    to,
    madeAt: createdAt,
    chosen: sessions.length,
    issuer: facts.issuer,
    network: facts.network,
    log: {
      origin: facts.origin,
      size,
      root: Buffer.from(root).toString('base64'),
      witnesses: witnessLines(note),
    },
    kinds: counted(events.map(({ kind }) => kind)),
    uses: usesOf(events),
    refusals: refusals.slice(0, REFUSALS_MAX),
    moreRefusals: Math.max(0, refusals.length - REFUSALS_MAX),
    files: counted(files.map(({ path }) => path.split('/').slice(0, -1).join('/') || path)),
  }
}

/** After the text and the log's own line. */
const witnessLines = (note: string): number =>
  note.split('\n').filter((line) => line.startsWith('— ')).length - 1

function usesOf(events: readonly TrailEvent[]): Use[] {
  const uses = new Map<string, Use & { readonly names: Set<string> }>()
  for (const event of events) {
    if (event.kind !== 'receipt-settled' && event.kind !== 'statement-settled') continue
    const { models, country, provider, amount } = termsOf(event)
    const model = models.join(', ') || '–'
    const key = `${model} ${country}`
    const known = uses.get(key)
    const names = known?.names ?? new Set<string>()
    if (provider !== null) names.add(provider)
    uses.set(key, {
      model,
      country: country ?? '–',
      names,
      providers: names.size,
      bookings: (known?.bookings ?? 0) + 1,
      amount: (known?.amount ?? 0n) + (amount ?? 0n),
    })
  }
  return [...uses.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { names: _names, ...use }]) => use)
}

function counted(words: readonly string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
