import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, exportBundle, HanseError, type PicoEuro, picoEuro, receipt } from '@hanse/protocol'
import { z } from 'zod'
import { clientSettings, networkSettings } from '../../config/schemas.ts'
import { jsonOfSpotCheck } from '../../gateway/spot-check-routes.ts'
import { NodeStore, type SessionRow } from '../../store/node-store.ts'
import { askGateway, askGatewayJson, type GatewayAccess } from '../gateway-client.ts'
import { usage } from '../log-options.ts'

export interface SessionReceipt {
  readonly cid: string
  readonly sequence: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Of the session up to here, pico-euro. */
  readonly amount: PicoEuro
  readonly final: string | null
}

export interface SessionDetails extends SessionRow {
  readonly chain: readonly SessionReceipt[]
}

/** Where receipts are read: the data folder of a node, or a gateway that runs elsewhere. */
export interface ReceiptSource extends Disposable {
  /** That its bundles have to be of; `undefined` where only they tell. */
  readonly network: string | undefined
  /** Newest first. */
  sessions(limit: number): Promise<readonly SessionRow[]>
  /** @throws {HanseError} HANSE_NOT_FOUND */
  session(session: string): Promise<SessionDetails>
  /** @throws {HanseError} HANSE_NOT_FOUND */
  bundle(session: string): Promise<Uint8Array>
  /** What asking twice has found, newest first. */
  spotChecks(limit: number): Promise<readonly SpotCheckJson[]>
}

export interface ReceiptSourceSettings extends GatewayAccess {
  readonly dataDir: string
  readonly network: string | undefined
}

/** What the user has named by a flag. */
export interface NamedSource {
  readonly dataDir: boolean
  readonly gatewayUrl: boolean
}

/**
 * What the user has named; else the data folder where there is one, which needs no daemon and disturbs none; else the
 * gateway.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when both are named, or a folder without a node's data
 */
export function openReceipts(settings: ReceiptSourceSettings, named: NamedSource): ReceiptSource {
  if (named.dataDir && named.gatewayUrl) throw usage('--data-dir or --gateway-url, not both')
  const { dataDir, gatewayUrl, network } = settings
  const path = join(dataDir, 'node.db')
  const isThere = existsSync(path)
  if (named.dataDir && !isThere) throw usage(`--data-dir: no node has its data in ${dataDir}`)
  // A gateway in the environment is meant more than a folder that happens to be here.
  const isElsewhere = gatewayUrl !== clientSettings.gatewayUrl.fallback
  if (named.dataDir || (isThere && !named.gatewayUrl && !isElsewhere))
    return new StoredReceipts(path, network ?? networkSettings.network.fallback)
  return new GatewayReceipts(settings)
}

class StoredReceipts implements ReceiptSource {
  readonly network: string
  readonly #store: NodeStore

  constructor(path: string, network: string) {
    this.network = network
    this.#store = new NodeStore(path, { readOnly: true })
  }

  async sessions(limit: number): Promise<readonly SessionRow[]> {
    return await Promise.resolve(this.#store.sessions({ limit }))
  }

  async session(session: string): Promise<SessionDetails> {
    const row = this.#store.session(session)
    if (row === undefined) throw notFound(session)
    const chain = this.#store.receipts(session).map(({ bytes }) => {
      const { sequence, inputTokens, outputTokens, amount, final } = receipt.decode(bytes)
      return { cid: cidOf(bytes).toString(), sequence, inputTokens, outputTokens, amount, final }
    })
    return await Promise.resolve({ ...row, chain })
  }

  async bundle(session: string): Promise<Uint8Array> {
    const evidence = this.#store.evidence(session, this.network)
    if (evidence === undefined) throw notFound(session)
    const settlement = this.#store.settlementProof(session)
    return await Promise.resolve(exportBundle({ ...evidence, ...(settlement && { settlement }) }))
  }

  async spotChecks(limit: number): Promise<readonly SpotCheckJson[]> {
    const rows = this.#store.spotChecks.list(limit).map(jsonOfSpotCheck)
    return await Promise.resolve(spotCheckList.parse({ data: rows }).data)
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]()
  }
}

// With the signed evidence, which `--json` hands on.
const spotCheckRow = z.looseObject({
  cid: z.string(),
  at: z.number(),
  model: z.string(),
  divergence: z.number(),
  differ: z.boolean(),
  answers: z.array(z.looseObject({ provider: z.string(), session: z.string() })),
})
const spotCheckList = z.object({ data: z.array(spotCheckRow) })
export type SpotCheckJson = z.output<typeof spotCheckRow>

const digits = z.string().regex(/^\d{1,40}$/u)
const sessionRow = z.object({
  session: z.string(),
  role: z.enum(['provider', 'consumer']),
  peer: z.string(),
  model: z.string(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  reason: z.string().optional(),
  amount: digits.transform((text) => picoEuro(BigInt(text))),
  receipts: z.number(),
})
const receiptRow = z.object({
  cid: z.string(),
  sequence: digits.transform(BigInt),
  inputTokens: digits.transform(BigInt),
  outputTokens: digits.transform(BigInt),
  amount: digits.transform((text) => picoEuro(BigInt(text))),
  final: z.string().nullable(),
})

const sessionList = z.object({ sessions: z.array(sessionRow) })
const sessionDetails = sessionRow.extend({ receipts: z.array(receiptRow) })

class GatewayReceipts implements ReceiptSource {
  readonly network: string | undefined
  readonly #access: GatewayAccess

  constructor({ network, ...access }: ReceiptSourceSettings) {
    this.network = network
    this.#access = access
  }

  async sessions(limit: number): Promise<readonly SessionRow[]> {
    const path = `/hanse/v1/sessions?limit=${limit}`
    const { sessions } = await askGatewayJson(this.#access, path, sessionList)
    return sessions.map(withEnd)
  }

  async session(session: string): Promise<SessionDetails> {
    const path = `/hanse/v1/sessions/${encodeURIComponent(session)}`
    const { receipts: chain, ...row } = await askGatewayJson(this.#access, path, sessionDetails)
    return { ...withEnd({ ...row, receipts: chain.length }), chain }
  }

  async bundle(session: string): Promise<Uint8Array> {
    const path = `/hanse/v1/bundles/${encodeURIComponent(session)}`
    const response = await askGateway(this.#access, path)
    return new Uint8Array(await response.arrayBuffer())
  }

  async spotChecks(limit: number): Promise<readonly SpotCheckJson[]> {
    const path = `/hanse/v1/spot-checks?limit=${limit}`
    return (await askGatewayJson(this.#access, path, spotCheckList)).data
  }

  [Symbol.dispose](): void {}
}

function withEnd({ endedAt, reason, ...row }: z.output<typeof sessionRow>): SessionRow {
  return { ...row, endedAt, reason }
}

function notFound(session: string): HanseError {
  return new HanseError('HANSE_NOT_FOUND', `no session ${session}, or it has no receipt yet`)
}
