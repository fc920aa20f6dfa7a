import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Signer, signerOf } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { isLan } from '../config/kinds.ts'
import type { networkSettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import { loadOrCreateIdentity, type Network, openNetwork, seedOf } from '../network/index.ts'
import { openOfferValue, selectNewestOffer } from '../network/offer-records.ts'

export interface RunningNode extends AsyncDisposable {
  readonly signer: Signer
  readonly network: Network
  readonly log: FastifyBaseLogger
}

/** Opens identity and network as every daemon does. Logs go to standard error. */
export async function openNode(
  settings: Settings<typeof networkSettings>,
  { relay = false, dhtClient = false }: { relay?: boolean; dhtClient?: boolean } = {},
): Promise<RunningNode> {
  const log = pino({ level: settings.logLevel }, pino.destination(2))
  const privateKey = await loadOrCreateIdentity(join(settings.dataDir, 'identity.key'))
  const context = { network: settings.network }
  const network = await openNetwork({
    privateKey,
    listen: [...settings.listen],
    lan: isLan(settings.listen),
    dhtClient,
    relay,
    validateRecord: async (key, value) => {
      openOfferValue(context, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
  })
  network.keepConnected([...settings.bootstrap])
  return {
    signer: signerOf(seedOf(privateKey)),
    network,
    log,
    [Symbol.asyncDispose]: async () => await network.stop(),
  }
}

export const clock = (): number => Date.now()

export const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes))

/**
 * Resolves when the process is asked to stop; a second signal ends it at once. With HANSE_STOP_WITH_PARENT=1 it also stops
 * when its standard input ends, so that a parent that was killed leaves nothing running.
 */
export async function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      resolve()
      process.once(signal, () => process.exit(130))
    })
  }
  if (process.env.HANSE_STOP_WITH_PARENT === '1')
    process.stdin.resume().once('end', resolve).once('error', resolve)
  await promise
  process.stdin.destroy()
}
