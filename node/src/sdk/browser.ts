import { HanseError, signerOf } from '@hanse/protocol'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { OfferDirectory } from '../consumer/offer-directory.ts'
import { openOfferValue, selectNewestOffer } from '../network/offer-records.ts'
import { openPageNetwork } from '../network/page-network.ts'
import { HanseConsumer } from './hanse-consumer.ts'
import { join } from './join.ts'
import { MemoryStore } from './memory-store.ts'
import { type ConsumerOptions, resolveOptions } from './options.ts'
import { openPayment } from './settlement-access.ts'

export * from './exports.ts'

const now = (): number => Date.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

/**
 * Opens a consumer in this page, and resolves once it is in the network.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID with the name of the option, HANSE_NETWORK_UNREACHABLE,
 *   HANSE_SETTLEMENT_UNAVAILABLE
 */
export async function createConsumer(given: ConsumerOptions): Promise<HanseConsumer> {
  const options = resolveOptions(given)
  refuseNodeOnly(options)
  const { networkName, lan } = options
  await using stack = new AsyncDisposableStack()
  const seed = options.seed ?? random(32)
  const signer = signerOf(seed)
  const context = { network: networkName, signer }
  const { source, residency } = await openPayment(options, signer, now)
  const network = stack.use(
    await openPageNetwork({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      lan,
      validateRecord: async (key, value) => {
        openOfferValue(context, key, value, now())
      },
      selectRecord: (_key, values) => selectNewestOffer(values),
    }),
  )
  await join(network, options)
  return new HanseConsumer({
    options,
    signer,
    network,
    directory: new OfferDirectory({ network, context, now }),
    store: options.store ?? new MemoryStore(),
    source,
    residency,
    now,
    random,
    resources: stack.move(),
  })
}

function refuseNodeOnly(options: { readonly [Option in 'dataDir' | 'networkKey']: unknown }): void {
  for (const option of ['dataDir', 'networkKey'] as const) {
    if (options[option] === undefined) continue
    throw new HanseError('HANSE_CONFIG_INVALID', `${option}: a page has no files`)
  }
  const { isSecureContext } = globalThis as { isSecureContext?: boolean }
  if (isSecureContext === false) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      'browsers give cryptography only to pages from https or localhost',
    )
  }
}
