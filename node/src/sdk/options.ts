import {
  DIVERGENCE_MAX,
  EVIDENCE_KINDS,
  type EvidenceKind,
  HanseError,
  isCountryCode,
  isPeerId,
  PICO_PER_EURO,
  type PicoEuro,
  parseEuro,
  parsePrice,
  picoEuro,
} from '@hanse/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import type { AuthorizationSource } from '../consumer/authorizer.ts'
import type { ConsumerSettings } from '../consumer/consumer.ts'
import { FAILOVER_DEFAULTS, type FailoverSettings } from '../consumer/continuation/failover.ts'
import { SORTS } from '../consumer/request.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from '../consumer/routing/settings.ts'
import type { SpotCheckSettings } from '../consumer/spot-check/spot-checker.ts'
import { isLan } from '../network/local-addresses.ts'
import type { MemoryStore } from './memory-store.ts'

/** Where payment comes from: a settlement service and the organization's API key there, or who is signed in. */
export interface SettlementAccess {
  readonly url: string
  readonly apiKey?: string | undefined
  /** Pages of the settlement service's own website only: whoever is signed in there pays. */
  readonly session?: boolean | undefined
  /** With `session`, the organization that pays; the only one that they belong to when left out. */
  readonly organization?: string | undefined
}

/** How providers are chosen. */
export interface RoutingOptions extends Partial<Omit<RoutingSettings, 'aliases'>> {
  /** Names that requests may use: each stands for a model, and for others, in this order, when nobody serves that. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
}

/** Answers that are asked for again at another provider of the same weights, and compared. */
export interface SpotCheckOptions {
  /** Of the requests that can be compared: greedy ones, and those with a promise of the same bytes. 0 to 1. */
  readonly share: number
  /** Divergence, 0 to 1, from which on two answers are not of the same weights; 0.6 when left out. */
  readonly differentFrom?: number
}

export interface ConsumerOptions {
  /** Multiaddresses to join the network through. A page can dial those that end in `/ws` or `/wss`. */
  readonly bootstrap: readonly string[]
  /** Name of the network; signatures are void on any other. `mainnet` when left out. */
  readonly network?: string
  /** Where prompts may be processed: EU, EEA, country codes; an empty list is anywhere. EU when left out. */
  readonly residency?: readonly string[]
  /** Least evidence of location: 0 none, 1 declared, 2 geo-IP, 3 payout account, 4 documents. 3 when left out. */
  readonly minLevel?: number
  /** Kinds of evidence of location that there must be, each of them; none in particular when left out. */
  readonly evidence?: readonly EvidenceKind[]
  /** Peer ids of attestors whose word counts; the settlement service's when left out. */
  readonly trust?: readonly string[]
  /** Highest acceptable prices: as `"0.20 EUR/Mtok"`, or pico-euro per token. */
  readonly maxInputPrice?: string | PicoEuro
  readonly maxOutputPrice?: string | PicoEuro
  /**
   * What pays where a price is above zero. A page cannot use a settlement service directly, which takes no orders to pay
   * from origins that it does not know: it hands in a source that asks its own server.
   */
  readonly settlement?: SettlementAccess | AuthorizationSource
  /**
   * The most that all answers together may cost, from `createConsumer` on: as `"5 EUR"`, or pico-euro. A hard stop: each order
   * sets aside the most that it may cost. No limit when left out.
   */
  readonly budget?: string | PicoEuro
  /** What to hold at settlement for one provider at a time; 5 EUR when left out. */
  readonly authorizationAmount?: string | PicoEuro
  /** The most to leave un-countersigned with one provider; 1 EUR when left out. */
  readonly creditWindow?: string | PicoEuro
  /** Output tokens between receipts; 256 when left out. */
  readonly receiptEvery?: number
  /** Longest an answer may take, ms; 10 minutes when left out. */
  readonly deadlineMs?: number
  /** How providers are chosen: what counts most, second providers, aliases of models; as a gateway does when left out. */
  readonly routing?: RoutingOptions
  /** How answers that stop in the middle go on elsewhere; as a gateway does when left out. */
  readonly failover?: Partial<FailoverSettings>
  /** Checks cost what the second answer costs, out of `budget`; there are none when left out. */
  readonly spotChecks?: SpotCheckOptions
  /** Longest to wait for the network in `createConsumer`, ms; 15 s when left out, and with 0 it does not wait. */
  readonly connectMs?: number
  /** Addresses of this machine and of private networks are dialed; found out from `bootstrap` when left out. */
  readonly lan?: boolean
  /** 32 bytes of which the identity is made. A new identity each time when left out. */
  readonly seed?: Uint8Array
  /** Where receipts are kept, in memory; a new one when left out. */
  readonly store?: MemoryStore
  /**
   * What keeps identity and receipts over a restart, instead of `seed` and `store`, for one process or tab at a time: in Node a
   * folder, in a page a name in the IndexedDB of its origin.
   */
  readonly dataDir?: string
  /** Node only: file with the key of a private network. */
  readonly networkKey?: string
}

/** The options, each with its value. */
export interface ResolvedOptions {
  readonly bootstrap: readonly string[]
  readonly networkName: string
  readonly lan: boolean
  readonly trust: readonly string[] | undefined
  readonly settings: Omit<ConsumerSettings, 'residency'>
  readonly allow: string[]
  readonly minLevel: number
  readonly evidence: EvidenceKind[] | undefined
  readonly settlement: SettlementAccess | AuthorizationSource | undefined
  readonly authorizationAmount: PicoEuro
  readonly budget: PicoEuro | undefined
  readonly spotChecks: SpotCheckSettings
  readonly connectMs: number
  readonly seed: Uint8Array | undefined
  readonly store: MemoryStore | undefined
  readonly dataDir: string | undefined
  readonly networkKey: string | undefined
}

const address = z.string().refine(isAddress, { error: 'not a multiaddress' })
const region = z.string().refine((text) => text === 'EU' || text === 'EEA' || isCountryCode(text), {
  error: 'not a region: use EU, EEA or country codes; an empty list is anywhere',
})
const peerId = z.string().refine(isPeerId, { error: 'not a peer id (12D3Koo…)' })
const amount = z.custom<PicoEuro>((value) => typeof value === 'bigint' && value >= 0n, {
  error: 'must be a bigint of pico-euro',
})
const price = z.union([
  amount,
  z.string().transform(reading(parsePrice, 'a price such as "0.20 EUR/Mtok"')),
])
const euro = z.union([
  amount,
  z.string().transform(reading(parseEuro, 'an amount such as "1.50 EUR"')),
])
const object = z.custom<object>((value) => typeof value === 'object' && value !== null)

const routing = z.strictObject({
  sort: z.enum(SORTS).optional(),
  exploreShare: z.number().min(0).max(0.5).optional(),
  hedge: z.boolean().optional(),
  hedgeShare: z.number().min(0).max(1).optional(),
  retriesMax: z.int().min(0).max(64).optional(),
  affinityMs: z.int().min(0).max(86_400_000).optional(),
  aliases: z.record(z.string(), z.array(z.string()).min(1)).optional(),
})
const failover = z.strictObject({
  max: z.int().min(0).max(16).optional(),
  stallMs: z.int().min(1_000).max(600_000).optional(),
})

// As the settings of `hanse gateway` have them.
const schema = z.strictObject({
  bootstrap: z.array(address),
  network: z.string().min(1).max(64).default('mainnet'),
  residency: z.array(region).max(64).default(['EU']),
  minLevel: z.int().min(0).max(4).default(3),
  evidence: z.array(z.enum(EVIDENCE_KINDS)).min(1).max(EVIDENCE_KINDS.length).optional(),
  trust: z.array(peerId).optional(),
  maxInputPrice: price.optional(),
  maxOutputPrice: price.optional(),
  settlement: object.optional(),
  budget: euro.optional(),
  authorizationAmount: euro.default(picoEuro(5n * PICO_PER_EURO)),
  creditWindow: euro.default(picoEuro(PICO_PER_EURO)),
  receiptEvery: z.int().min(1).max(100_000).default(256),
  deadlineMs: z.int().min(1_000).max(86_400_000).default(600_000),
  connectMs: z.int().min(0).max(600_000).default(15_000),
  routing: routing.optional(),
  failover: failover.optional(),
  spotChecks: z
    .strictObject({
      share: z.number().min(0).max(1),
      differentFrom: z.number().min(0.01).max(1).optional(),
    })
    .optional(),
  lan: z.boolean().optional(),
  seed: z
    .custom<Uint8Array>((value) => value instanceof Uint8Array && value.byteLength === 32, {
      error: 'must be 32 bytes',
    })
    .optional(),
  store: object.optional(),
  dataDir: z.string().min(1).optional(),
  networkKey: z.string().min(1).optional(),
})

/** @throws {HanseError} HANSE_CONFIG_INVALID with the name of the option */
export function resolveOptions(options: ConsumerOptions): ResolvedOptions {
  const given = parse(options)
  const { settlement, store } = options
  return {
    bootstrap: given.bootstrap,
    networkName: given.network,
    lan: given.lan ?? (given.bootstrap.length > 0 && isLan(given.bootstrap)),
    trust: given.trust,
    allow: given.residency,
    minLevel: given.minLevel,
    evidence: given.evidence,
    settings: {
      maxInputPrice: given.maxInputPrice,
      maxOutputPrice: given.maxOutputPrice,
      receiptEvery: BigInt(given.receiptEvery),
      creditWindowMax: given.creditWindow,
      deadlineMs: given.deadlineMs,
      keepRequests: false,
      routing: {
        ...ROUTING_DEFAULTS,
        ...defined(given.routing),
        aliases: new Map(Object.entries(given.routing?.aliases ?? {})),
      },
      failover: { ...FAILOVER_DEFAULTS, ...defined(given.failover) },
    },
    settlement,
    authorizationAmount: given.authorizationAmount,
    budget: given.budget,
    spotChecks: {
      share: given.spotChecks?.share ?? 0,
      differentFrom: Math.round(DIVERGENCE_MAX * (given.spotChecks?.differentFrom ?? 0.6)),
    },
    connectMs: given.connectMs,
    seed: given.seed,
    store,
    dataDir: given.dataDir,
    networkKey: given.networkKey,
  }
}

function parse(options: ConsumerOptions): z.output<typeof schema> {
  const result = schema.safeParse(options)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw new HanseError('HANSE_CONFIG_INVALID', where + (issue?.message ?? 'wrong options'))
}

/** What was given and is not `undefined`, so that it may be laid over defaults. */
function defined<Values extends object>(
  values: Values = {} as Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Values]?: Exclude<Values[Key], undefined> }
}

function reading(
  parse: (text: string) => PicoEuro,
  what: string,
): (text: string, context: z.RefinementCtx) => PicoEuro {
  return (text, context) => {
    try {
      return parse(text)
    } catch {
      context.addIssue(`must be ${what}`)
      return z.NEVER
    }
  }
}

function isAddress(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}
