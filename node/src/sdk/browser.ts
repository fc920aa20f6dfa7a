import { HanseError, signerOf } from '@hanse/protocol'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { OfferDirectory } from '../consumer/offer-directory.ts'
import { openPageNetwork } from '../network/page-network.ts'
import { storedValues } from '../network/stored-values.ts'
import { HanseConsumer } from './hanse-consumer.ts'
import { join } from './join.ts'
import { MemoryStore } from './memory-store.ts'
import { type ConsumerOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { openPageData, type PageData } from './page-store.ts'
import { openPayment, watchRevocations } from './settlement-access.ts'

export * from './exports.ts'
export { forgetPageData, pageSeed } from './page-identity.ts'

const now = (): number => Date.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

/**
 * Opens a consumer in this page, and resolves once it is in the network.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID with the name of the option, HANSE_NETWORK_UNREACHABLE,
 *   HANSE_ALREADY_RUNNING when another tab uses the data, HANSE_SETTLEMENT_UNAVAILABLE
 */
export async function createConsumer(given: ConsumerOptions): Promise<HanseConsumer> {
  const options = resolveOptions(given)
  refuseNodeOnly(options)
  const { networkName, lan } = options
  await using stack = new AsyncDisposableStack()
  const data = await dataOf(options, stack)
  const seed = data?.seed ?? options.seed ?? random(32)
  const signer = signerOf(seed)
  const context = { network: networkName, signer }
  const { source, client, residency } = await openPayment(options, signer, now)
  const isRevoked = watchRevocations(client, context, stack)
  const network = stack.use(
    await openPageNetwork({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      lan,
      ...storedValues(context, now),
    }),
  )
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
    store: data?.store ?? options.store ?? new MemoryStore(),
    source,
    residency,
    now,
    random,
    resources: stack.move(),
  })
}

async function dataOf(
  { dataDir, seed, store }: ResolvedOptions,
  stack: AsyncDisposableStack,
): Promise<PageData | undefined> {
  if (dataDir === undefined) return undefined
  if (seed === undefined && store === undefined)
    return stack.use(await openPageData(dataDir, random))
  throw new HanseError('HANSE_CONFIG_INVALID', 'dataDir: has an identity and a store of its own')
}

function refuseNodeOnly({ networkKey }: ResolvedOptions): void {
  if (networkKey !== undefined)
    throw new HanseError('HANSE_CONFIG_INVALID', 'networkKey: a page has no files')
  const { isSecureContext } = globalThis as { isSecureContext?: boolean }
  if (isSecureContext === false) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      'browsers give cryptography only to pages from https or localhost',
    )
  }
}
