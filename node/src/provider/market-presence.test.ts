import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { picoEuro, signerOf } from '@hanse/protocol'
import { makeOffer } from '@hanse/protocol/testing'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { pino } from 'pino'
import { test } from 'vitest'
import { type Network, seedOf } from '../network/index.ts'
import { openOfferValue, selectNewestOffer } from '../network/offer-records.ts'
import { openTestNetwork } from '../network/test-network.ts'
import { MarketPresence } from './market-presence.ts'
import { OfferBook, RENEW_MS } from './offer-book.ts'

const NETWORK = 'test'

async function openNode(privateKey: Ed25519PrivateKey, relay = false): Promise<Network> {
  return await openTestNetwork({
    privateKey,
    relay,
    validateRecord: async (key, value) => {
      openOfferValue({ network: NETWORK }, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
  })
}

/** A daemon as far as the market sees it, and the codes that it has logged. */
class Daemon implements AsyncDisposable {
  readonly network: Network
  readonly presence: MarketPresence
  readonly warned: { readonly code?: string; readonly addresses?: readonly string[] }[] = []
  announced = 0
  shiftMs = 0

  constructor(network: Network, privateKey: Ed25519PrivateKey) {
    this.network = network
    const now = () => Date.now() + this.shiftMs
    const warned = (line: string) => {
      const entry = JSON.parse(line) as Daemon['warned'][number] & { readonly level: number }
      if (entry.level >= 40) this.warned.push(entry)
    }
    this.presence = new MarketPresence({
      network,
      networkName: NETWORK,
      book: new OfferBook({
        context: { network: NETWORK, signer: signerOf(seedOf(privateKey)) },
        terms: {
          country: 'DE',
          models: makeOffer().value.models,
          gpus: [],
          minAuthorization: picoEuro(0n),
          unsecuredCredit: picoEuro(0n),
        },
        addresses: () => network.addresses(),
        freeSlots: () => 1,
        now,
        keep: () => {},
      }),
      isOpen: () => true,
      log: pino({ level: 'info' }, { write: warned }),
      now,
      onLive: () => this.announced++,
    })
  }

  /** As after ten minutes. */
  async renew(): Promise<void> {
    const wanted = this.announced + 1
    this.shiftMs += RENEW_MS
    await this.untilAnnounced(wanted)
  }

  async untilAnnounced(times: number): Promise<void> {
    for (let tries = 0; tries < 200 && this.announced < times; tries++) await delay(100)
    assert.ok(this.announced >= times, `announced ${this.announced} of ${times} times`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.presence[Symbol.asyncDispose]()
    await this.network.stop()
  }
}

test('a daemon warns of another one with its identity when it renews its offer, and not of itself', async () => {
  await using stack = new AsyncDisposableStack()
  const relay = stack.use(await openNode(await generateKeyPair('Ed25519'), true))
  const privateKey = await generateKeyPair('Ed25519')
  const start = async () => {
    const daemon = stack.use(new Daemon(await openNode(privateKey), privateKey))
    daemon.network.keepConnected(relay.addresses(), 200)
    daemon.presence.start()
    await daemon.untilAnnounced(1)
    return daemon
  }
  const first = await start()
  await first.renew()
  assert.deepEqual(first.warned, [])
  const second = await start()
  // The newest offer counts, and the clock of the first is ahead.
  second.shiftMs = 2 * RENEW_MS
  await second.untilAnnounced(2)
  await first.renew()
  assert.deepEqual(last(first), {
    code: 'HANSE_IDENTITY_TWIN',
    addresses: second.network.addresses(),
  })
  await second.renew()
  assert.deepEqual(last(second), {
    code: 'HANSE_IDENTITY_TWIN',
    addresses: first.network.addresses(),
  })
})

function last({ warned }: Daemon): unknown {
  const { code, addresses } = warned.at(-1) ?? {}
  return { code, addresses }
}
