import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  encodeCanonical,
  encodeFrame,
  OFFER_PROTOCOL,
  picoEuro,
  SESSION_PROTOCOL,
} from '@hanse/protocol'
import { bytesFrom } from './random.ts'
import { orderFrame, type Stranger } from './stranger.ts'

export type Misbehaviour = (stranger: Stranger) => Promise<void>

const GONE = new Error('the stranger leaves')
/** As in `hanse provider status --peer`. */
const CONTROL_PROTOCOL = '/hanse/control/1.0.0'

/** What peers do that mean no good, or are broken. None of it may cost a provider more than the moment. */
export const MISBEHAVIOURS: Readonly<Record<string, Misbehaviour>> = {
  'opens sessions and vanishes': async (stranger) => {
    await Promise.all([1, 2, 3].map(async () => await stranger.openStream()))
    const frames = await stranger.openStream()
    frames.write(orderFrame(stranger.order()))
    await sleep(50)
  },
  'orders and reads nothing': async (stranger) => {
    // Its side stops reading once 256 KiB are there, and asks for no more.
    await stranger.send(stranger.order({ creditWindow: WINDOW_MOST }))
    await sleep(4_000)
  },
  'sends garbage frames': async (stranger) => {
    const { random } = stranger
    const kinds = [
      bytesFrom(random, 200),
      new Uint8Array(),
      encodeCanonical({ t: 'bribe', amount: 5 }),
      encodeFrame({ t: 'countersign', sequence: 0n, signature: bytesFrom(random, 64) }),
    ]
    for (const bytes of kinds) {
      const frames = await stranger.openStream()
      frames.write(bytes)
      await stranger.read(frames, () => false)
    }
    const raw = await stranger.openStream()
    raw.stream.send(bytesFrom(random, 4_000))
    await stranger.read(raw, () => false)
  },
  'sends oversize frames': async (stranger) => {
    // The lengths 2^31 - 1 and 2^20 + 1, and then the bytes.
    for (const head of [
      [0xff, 0xff, 0xff, 0xff, 0x07],
      [0x81, 0x80, 0x40],
    ]) {
      const frames = await stranger.openStream()
      frames.stream.send(Uint8Array.from(head))
      for (let i = 0; i < 8 && frames.stream.status === 'open'; i++) {
        frames.stream.send(new Uint8Array(32 * 1024))
        await sleep(5)
      }
      await stranger.read(frames, () => false)
    }
  },
  'never countersigns': async (stranger) => {
    const frames = await stranger.send(stranger.order({ creditWindow: WINDOW_LEAST }))
    const leave = setTimeout(() => frames.abort(GONE), 8_000)
    await stranger.read(frames, () => false)
    clearTimeout(leave)
  },
  'orders and cancels at once': async (stranger) => {
    for (let i = 0; i < 3; i++) {
      const frames = await stranger.send(stranger.order())
      frames.write(encodeFrame({ t: 'cancel' }))
      if (i === 0) frames.write(encodeFrame({ t: 'cancel' }))
      await stranger.read(frames, ({ t }) => t === 'receipt' || t === 'reject')
    }
  },
  'replays an order': async (stranger) => {
    const signed = stranger.order({ maxOutputTokens: 1n })
    const all = await Promise.all([1, 2, 3].map(async () => await stranger.send(signed)))
    await Promise.all(
      all.map(
        async (frames) => await stranger.read(frames, ({ t }) => t === 'reject' || t === 'receipt'),
      ),
    )
  },
  'opens streams in bursts': async (stranger) => {
    const opened = await Promise.allSettled(
      Array.from({ length: 200 }, async (_, i) =>
        stranger.openStream(i % 2 === 0 ? SESSION_PROTOCOL : OFFER_PROTOCOL),
      ),
    )
    for (const each of opened) if (each.status === 'fulfilled') each.value.abort(GONE)
  },
  'connects and disconnects': async (stranger) => {
    const frames = await stranger.openStream()
    frames.abort(GONE)
  },
  'sends byte by byte': async (stranger) => {
    const frames = await stranger.openStream()
    const bytes = orderFrame(stranger.order())
    // The length of what never comes whole.
    frames.stream.send(Uint8Array.from([0x80 | (bytes.length & 0x7f), bytes.length >> 7]))
    for (let i = 0; i < 15 && frames.stream.status === 'open'; i++) {
      frames.stream.send(bytes.subarray(i, i + 1))
      await sleep(300)
    }
  },
  'signs wrongly': async (stranger) => {
    const { bytes, signatures } = stranger.order()
    const bent = signatures.map((each) => ({
      ...each,
      signature: each.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
    }))
    await stranger.read(await stranger.send({ bytes, signatures: bent }), () => false)
    const another = stranger.order({ consumer: stranger.offer.offer.provider })
    await stranger.read(await stranger.send(another), ({ t }) => t === 'reject')
  },
  'wants to steer': async (stranger) => {
    const frames = await stranger.openStream(CONTROL_PROTOCOL)
    frames.write(new TextEncoder().encode('{"v":1,"method":"drain"}'))
    await frames.readBatch().catch(() => {})
  },
  'speaks no libp2p': async ({ offer, random }) => {
    const [, host = '', port = ''] =
      /^\/ip4\/([^/]+)\/tcp\/(\d+)/u.exec(offer.addresses[0] ?? '') ?? []
    const socket = connect({ host, port: Number(port) })
    socket.on('error', () => {})
    socket.write(bytesFrom(random, 512))
    await sleep(500)
    socket.destroy()
  },
  'puts nonsense into the DHT': async ({ network, random, signer }) => {
    const key = new TextEncoder().encode(`/hanse/offer/${signer.peerId}`)
    const signal = AbortSignal.timeout(3_000)
    await network.putValue(key, bytesFrom(random, 4_000), { signal }).catch(() => {})
  },
}

/** What the providers allow at most. */
const WINDOW_MOST = picoEuro(10n ** 12n)
/** A few dozen tokens. */
const WINDOW_LEAST = picoEuro(30n * 10n ** 6n)
