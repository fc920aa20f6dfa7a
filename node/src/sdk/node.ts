import { join as joinPath } from 'node:path'
import { HanseError, signerOf } from '@hanse/protocol'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { pino } from 'pino'
import { OfferDirectory } from '../consumer/offer-directory.ts'
import type { FoundCheck } from '../consumer/spot-check/spot-checker.ts'
import { loadNetworkKey, loadOrCreateIdentity, openNetwork, seedOf } from '../network/index.ts'
import { storedValues } from '../network/stored-values.ts'
import { Outbox } from '../settlement/outbox.ts'
import { serveStatements } from '../statement/countersign.ts'
import { lockDataFolder } from '../store/data-lock.ts'
import { NodeStore } from '../store/node-store.ts'
import { HanseConsumer } from './hanse-consumer.ts'
import { join } from './join.ts'
import { MemoryStore } from './memory-store.ts'
import { type ConsumerOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { openPayment, watchRevocations } from './settlement-access.ts'

export * from './exports.ts'

const now = (): number => Date.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

/**
 * Opens a consumer in this process, and resolves once it is in the network.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID with the name of the option, HANSE_NETWORK_UNREACHABLE,
 *   HANSE_ALREADY_RUNNING when another process uses the data folder, HANSE_SETTLEMENT_UNAVAILABLE
 */
export async function createConsumer(given: ConsumerOptions): Promise<HanseConsumer> {
  const options = resolveOptions(given)
  const { networkName, networkKey, dataDir } = options
  await using stack = new AsyncDisposableStack()
  if (dataDir !== undefined) stack.use(lockDataFolder(dataDir))
  const privateKey = await identityOf(options)
  const signer = signerOf(seedOf(privateKey))
  const context = { network: networkName, signer }
  const { source, client, residency } = await openPayment(options, signer, now)
  const kept =
    dataDir === undefined ? undefined : stack.use(new NodeStore(joinPath(dataDir, 'node.db')))
  kept?.endAbandoned(now())
  const outbox =
    kept === undefined || client === undefined
      ? undefined
      : stack.use(new Outbox({ store: kept, settler: client, now }))
  const isRevoked = watchRevocations(client, context, stack)
  const network = stack.use(
    await openNetwork({
      privateKey,
      listen: [],
      lan: options.lan,
      dhtClient: true,
      ...(networkKey === undefined ? {} : { networkKey: await loadNetworkKey(networkKey) }),
      now,
      ...storedValues(context, now),
    }),
  )
  // What was only in memory is gone with the process: a provider then settles by its receipts.
  if (kept !== undefined) {
    const log = pino({ level: 'silent' })
    await serveStatements(network, { context, store: kept.statements, now, log })
  }
  await join(network, options)
  return new HanseConsumer({
    options,
    signer,
    network,
    directory: new OfferDirectory({
      network,
      context,
      now,
      ...(isRevoked === undefined ? {} : { isRevoked }),
    }),
    isRevoked,
    store: kept ?? options.store ?? new MemoryStore(),
    source,
    residency,
    ...(kept === undefined ? {} : { measurements: kept.measurements }),
    now,
    random,
    ...(outbox === undefined ? {} : { onFinal: () => setImmediate(() => void outbox.flush()) }),
    ...(kept === undefined ? {} : { onSpotCheck: keeping(kept) }),
    resources: stack.move(),
  })
}

function keeping({ spotChecks }: NodeStore): (found: FoundCheck) => void {
  return ({ check, differ, texts }) =>
    spotChecks.put({
      cid: check.cid.toString(),
      check: check.value,
      signed: check,
      differ,
      texts,
    })
}

async function identityOf({ dataDir, seed }: ResolvedOptions): Promise<Ed25519PrivateKey> {
  if (dataDir === undefined) return await generateKeyPairFromSeed('Ed25519', seed ?? random(32))
  if (seed === undefined) return await loadOrCreateIdentity(joinPath(dataDir, 'identity.key'))
  throw new HanseError('HANSE_CONFIG_INVALID', 'seed: the data folder has an identity of its own')
}
