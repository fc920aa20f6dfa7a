import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cidOf, exportBundle, HanseError, type PicoEuro, picoEuro, receipt } from '@hanse/protocol'
import { z } from 'zod'
import { NodeStore, type SessionRow } from '../../store/node-store.ts'
import { askGateway, type GatewayAccess } from '../gateway-client.ts'

export interface SessionReceipt {
  readonly cid: string
  readonly sequence: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Of the session up to here, pico-euro. */
  readonly amount: PicoEuro
  readonly final: string | null
}

/** Where receipts are read: the data folder of a node, or a gateway that runs elsewhere. */
export interface ReceiptSource extends Disposable {
  /** Newest first. */
  sessions(limit: number): Promise<readonly SessionRow[]>
  /** @throws {HanseError} HANSE_NOT_FOUND */
  receipts(session: string): Promise<readonly SessionReceipt[]>
  /** @throws {HanseError} HANSE_NOT_FOUND */
  bundle(session: string): Promise<Uint8Array>
}

export interface ReceiptSourceSettings extends GatewayAccess {
  readonly dataDir: string
  readonly network: string
}

/**
 * The data folder where there is one, which needs no daemon and disturbs none; else the gateway.
 *
 * @param asked whether the user has named the gateway
 */
export function openReceipts(settings: ReceiptSourceSettings, asked: boolean): ReceiptSource {
  const path = join(settings.dataDir, 'node.db')
  if (!asked && existsSync(path)) return new StoredReceipts(path, settings.network)
  return new GatewayReceipts(settings)
}

class StoredReceipts implements ReceiptSource {
  readonly #store: NodeStore
  readonly #network: string

  constructor(path: string, network: string) {
    this.#store = new NodeStore(path, { readOnly: true })
    this.#network = network
  }

  async sessions(limit: number): Promise<readonly SessionRow[]> {
    return await Promise.resolve(this.#store.sessions({ limit }))
  }

  async receipts(session: string): Promise<readonly SessionReceipt[]> {
    if (!this.#store.hasSession(session)) throw notFound(session)
    return await Promise.resolve(
      this.#store.receipts(session).map(({ bytes }) => {
        const { sequence, inputTokens, outputTokens, amount, final } = receipt.decode(bytes)
        return { cid: cidOf(bytes).toString(), sequence, inputTokens, outputTokens, amount, final }
      }),
    )
  }

  async bundle(session: string): Promise<Uint8Array> {
    const evidence = this.#store.evidence(session, this.#network)
    if (evidence === undefined) throw notFound(session)
    const settlement = this.#store.settlementProof(session)
    return await Promise.resolve(exportBundle({ ...evidence, ...(settlement && { settlement }) }))
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]()
  }
}

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

class GatewayReceipts implements ReceiptSource {
  readonly #access: GatewayAccess

  constructor(access: GatewayAccess) {
    this.#access = access
  }

  async sessions(limit: number): Promise<readonly SessionRow[]> {
    const response = await askGateway(this.#access, `/hanse/v1/sessions?limit=${limit}`)
    const { sessions } = z.object({ sessions: z.array(sessionRow) }).parse(await response.json())
    return sessions.map(({ endedAt, reason, ...row }) => ({ ...row, endedAt, reason }))
  }

  async receipts(session: string): Promise<readonly SessionReceipt[]> {
    const response = await askGateway(
      this.#access,
      `/hanse/v1/sessions/${encodeURIComponent(session)}`,
    )
    return z.object({ receipts: z.array(receiptRow) }).parse(await response.json()).receipts
  }

  async bundle(session: string): Promise<Uint8Array> {
    const response = await askGateway(
      this.#access,
      `/hanse/v1/bundles/${encodeURIComponent(session)}`,
    )
    return new Uint8Array(await response.arrayBuffer())
  }

  [Symbol.dispose](): void {}
}

function notFound(session: string): HanseError {
  return new HanseError('HANSE_NOT_FOUND', `no session ${session}, or it has no receipt yet`)
}
