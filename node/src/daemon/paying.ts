import { HanseError, type ResidencyPolicy, type Signer } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { gatewaySettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { type ModelTokenizer, openTokenizer } from '../engine/index.ts'
import { NoteSender } from '../settlement/note-sender.ts'
import { Outbox } from '../settlement/outbox.ts'
import { SettlementClient } from '../settlement/settlement-client.ts'
import type { NodeStore } from '../store/node-store.ts'
import { clock } from './running.ts'

type GatewaySettings = Settings<typeof gatewaySettings>

/** Without attestors of one's own, the settlement service that one pays through is believed. */
export async function residencyPolicy(
  { residency, minLevel, evidence, trust }: GatewaySettings,
  settlement: SettlementClient | undefined,
  log: FastifyBaseLogger,
): Promise<ResidencyPolicy> {
  const policy = (trustedAttestors: readonly string[]): ResidencyPolicy => ({
    allow: [...residency],
    minLevel,
    ...(evidence.length > 0 && { evidence: [...evidence] }),
    trustedAttestors,
  })
  if (trust.length > 0) return policy(trust)
  if (settlement !== undefined) return policy([await settlement.identity()])
  if (minLevel > 1)
    log.warn(
      'no attestor is trusted (--trust, --settlement-url): no provider will satisfy --min-level',
    )
  return policy([])
}

/** @throws {HanseError} HANSE_CONFIG_INVALID for a file that is no model */
export async function openTokenizers(
  paths: readonly string[],
): Promise<AsyncDisposable & { readonly all: readonly ModelTokenizer[] }> {
  const stack = new AsyncDisposableStack()
  const all: ModelTokenizer[] = []
  try {
    for (const path of paths) all.push(stack.use(await openTokenizer(path)))
  } catch (cause) {
    await stack.disposeAsync()
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new HanseError('HANSE_CONFIG_INVALID', `tokenizers: ${message}`, { cause })
  }
  return { all, [Symbol.asyncDispose]: async () => await stack.disposeAsync() }
}

export function openSettlement(
  { settlementUrl: url, settlementApiKey: apiKey, network }: GatewaySettings,
  signer: Signer,
): SettlementClient | undefined {
  return url === undefined
    ? undefined
    : new SettlementClient({ url, apiKey, context: { network }, signer, now: clock })
}

/** Takes final receipts to settlement. */
export function openOutbox(
  store: NodeStore,
  settlement: SettlementClient,
  log: FastifyBaseLogger,
): Outbox {
  return new Outbox({
    store,
    now: clock,
    settler: settlement,
    onResult: ({ session }, result) => log.info({ session, ...result }, 'settlement answered'),
    onStatement: ({ cid }, result) =>
      log.info({ statement: cid, ...result }, 'settlement answered'),
    onFailure: (error) =>
      log.warn(
        { cause: error instanceof Error ? error.message : '' },
        'settlement is out of reach',
      ),
  })
}

/** Tells settlement whom sessions were for, and how long they took. */
export function openNotes(
  { sessionNotes }: GatewaySettings,
  store: NodeStore,
  settlement: SettlementClient | undefined,
  log: FastifyBaseLogger,
): NoteSender | undefined {
  const content = settlement === undefined ? 'off' : sessionNotes
  store.notes.open(content)
  if (settlement === undefined || content === 'off') return undefined
  return new NoteSender({
    notes: store.notes,
    send: async (notes) => await settlement.submitNotes(notes),
    now: clock,
    onFailure: (error) =>
      log.warn(
        { cause: error instanceof Error ? error.message : '' },
        'settlement does not take the notes of sessions yet',
      ),
  })
}
