import {
  HanseError,
  isCountryCode,
  isPeerId,
  type PicoEuro,
  parsePrice,
  picoEuro,
} from '@hanse/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import type { AuthorizationSource } from '../consumer/authorizer.ts'
import type { ConsumerSettings } from '../consumer/consumer.ts'
import { FAILOVER_DEFAULTS, type FailoverSettings } from '../consumer/continuation/failover.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from '../consumer/routing/settings.ts'
import { isLan } from '../network/local-addresses.ts'
import type { MemoryStore } from './memory-store.ts'

/** Where payment comes from: a settlement service and the organization's API key there. */
export interface SettlementAccess {
  readonly url: string
  readonly apiKey?: string | undefined
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
  /** Peer ids of attestors whose word counts; the settlement service's when left out. */
  readonly trust?: readonly string[]
  /** Highest acceptable prices: as `"0.20 EUR/Mtok"`, or pico-euro per token. */
  readonly maxInputPrice?: string | PicoEuro
  readonly maxOutputPrice?: string | PicoEuro
  /**
   * What pays where a price is above zero. A page cannot use a settlement service directly, which takes no orders to pay
   * from other origins: it hands in a source that asks its own server.
   */
  readonly settlement?: SettlementAccess | AuthorizationSource
  /** What to hold at settlement for one provider at a time, pico-euro; 5 EUR when left out. */
  readonly authorizationAmount?: PicoEuro
  /** The most to leave un-countersigned with one provider, pico-euro; 1 EUR when left out. */
  readonly creditWindow?: PicoEuro
  /** Output tokens between receipts; 256 when left out. */
  readonly receiptEvery?: number
  /** Longest an answer may take, ms; 10 minutes when left out. */
  readonly deadlineMs?: number
  /** How providers are chosen: what counts most, second providers, aliases of models; as a gateway does when left out. */
  readonly routing?: Partial<RoutingSettings>
  /** How answers that stop in the middle go on elsewhere; as a gateway does when left out. */
  readonly failover?: Partial<FailoverSettings>
  /** Longest to wait for the network in `createConsumer`, ms; 15 s when left out, and with 0 it does not wait. */
  readonly connectMs?: number
  /** Addresses of this machine and of private networks are dialed; found out from `bootstrap` when left out. */
  readonly lan?: boolean
  /** 32 bytes of which the identity is made. A new identity each time when left out. */
  readonly seed?: Uint8Array
  /** Where receipts are kept, in memory; a new one when left out. */
  readonly store?: MemoryStore
  /** Node only: the folder that keeps identity and receipts, for one process at a time, instead of `seed` and `store`. */
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
  readonly settlement: SettlementAccess | AuthorizationSource | undefined
  readonly authorizationAmount: PicoEuro
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
const price = z.union([amount, z.string().transform(priceOf)])
const object = z.custom<object>((value) => typeof value === 'object' && value !== null)

// As the settings of `hanse gateway` have them.
const schema = z.strictObject({
  bootstrap: z.array(address),
  network: z.string().min(1).max(64).default('mainnet'),
  residency: z.array(region).max(64).default(['EU']),
  minLevel: z.int().min(0).max(4).default(3),
  trust: z.array(peerId).optional(),
  maxInputPrice: price.optional(),
  maxOutputPrice: price.optional(),
  settlement: object.optional(),
  authorizationAmount: amount.default(picoEuro(5n * 10n ** 12n)),
  creditWindow: amount.default(picoEuro(10n ** 12n)),
  receiptEvery: z.int().min(1).max(100_000).default(256),
  deadlineMs: z.int().min(1_000).max(86_400_000).default(600_000),
  connectMs: z.int().min(0).max(600_000).default(15_000),
  routing: object.optional(),
  failover: object.optional(),
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
    settings: {
      maxInputPrice: given.maxInputPrice,
      maxOutputPrice: given.maxOutputPrice,
      receiptEvery: BigInt(given.receiptEvery),
      creditWindowMax: given.creditWindow,
      deadlineMs: given.deadlineMs,
      keepRequests: false,
      routing: { ...ROUTING_DEFAULTS, ...options.routing },
      failover: { ...FAILOVER_DEFAULTS, ...options.failover },
    },
    settlement,
    authorizationAmount: given.authorizationAmount,
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

function priceOf(text: string, context: z.RefinementCtx): PicoEuro {
  try {
    return parsePrice(text)
  } catch {
    context.addIssue('must be a price such as "0.20 EUR/Mtok"')
    return z.NEVER
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
