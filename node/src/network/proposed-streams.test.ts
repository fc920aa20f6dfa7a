import assert from 'node:assert/strict'
import { test } from 'vitest'
import { LOOPBACK_TCP, LOOPBACK_WEBSOCKET, openTestNetwork } from './test-network.ts'

const PROTOCOL = '/hanse/test/1.0.0'
const OTHER = '/hanse/test/2.0.0'

test.each([
  ['TCP', LOOPBACK_TCP],
  ['WebSocket', LOOPBACK_WEBSOCKET],
])(
  'over %s, streams of a protocol that was agreed on carry all that is written, both ways',
  async (_, listen) => {
    await using server = await openTestNetwork({ listen: [listen] })
    await using client = await openTestNetwork()
    const served: string[] = []
    for (const protocol of [PROTOCOL, OTHER]) {
      await server.handle(protocol, async (frames) => {
        served.push(protocol)
        for await (const frame of frames) frames.write(frame)
        await frames.end()
      })
    }
    for (const protocol of [PROTOCOL, PROTOCOL, OTHER, PROTOCOL, OTHER]) {
      const { frames } = await client.openStream(server.addresses(), protocol)
      for (const size of [0, 1, 300, 100_000]) frames.write(new Uint8Array(size).fill(size))
      await frames.end()
      const sizes: number[] = []
      for await (const frame of frames) sizes.push(frame.byteLength)
      assert.deepEqual(sizes, [0, 1, 300, 100_000])
    }
    assert.deepEqual(served, [PROTOCOL, PROTOCOL, OTHER, PROTOCOL, OTHER])
  },
)

test('many at once are told apart', async () => {
  await using server = await openTestNetwork()
  await using client = await openTestNetwork()
  await server.handle(PROTOCOL, async (frames) => {
    for await (const frame of frames) frames.write(frame)
    await frames.end()
  })
  const ask = async (n: number): Promise<number[]> => {
    const { frames } = await client.openStream(server.addresses(), PROTOCOL)
    frames.write(Uint8Array.of(n))
    await frames.end()
    const got: number[] = []
    for await (const frame of frames) got.push(...frame)
    return got
  }
  await ask(0)
  const all = await Promise.all(Array.from({ length: 100 }, async (_, n) => await ask(n)))
  assert.deepEqual(
    all,
    Array.from({ length: 100 }, (_, n) => [n]),
  )
})

test('one whose protocol the peer gave up is reset, and the next is asked for again', async () => {
  await using server = await openTestNetwork()
  await using client = await openTestNetwork()
  const serve = async (): Promise<void> =>
    await server.handle(PROTOCOL, async (frames) => {
      await frames.readFrame()
      frames.write(Uint8Array.of(1))
      await frames.end()
    })
  const ask = async (): Promise<Uint8Array | undefined> => {
    const { frames } = await client.openStream(server.addresses(), PROTOCOL)
    frames.write(Uint8Array.of(0))
    return await frames.readFrame()
  }
  await serve()
  assert.deepEqual(await ask(), Uint8Array.of(1))
  await server.unhandle(PROTOCOL)
  await assert.rejects(ask(), { code: 'HANSE_STREAM_RESET' })
  await assert.rejects(ask(), { name: 'UnsupportedProtocolError' })
  await serve()
  assert.deepEqual(await ask(), Uint8Array.of(1))
  assert.deepEqual(await ask(), Uint8Array.of(1))
})
