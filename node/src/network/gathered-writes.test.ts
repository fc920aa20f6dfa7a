import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test } from 'vitest'
import { LOOPBACK_TCP, LOOPBACK_WEBSOCKET, openTestNetwork } from './test-network.ts'

const PROTOCOL = '/hanse/test/1.0.0'
const STREAMS = 16
const FRAMES = 8

/** Passes bytes on, and counts the pieces in which they come from the one who connects. */
async function countingPipe(
  port: number,
): Promise<AsyncDisposable & { port: number; pieces(): number }> {
  const sockets = new Set<Socket>()
  let pieces = 0
  const { connect } = await import('node:net')
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1')
    for (const socket of [from, to]) sockets.add(socket.on('error', () => {}))
    from.on('data', () => pieces++)
    from.pipe(to).pipe(from)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    pieces: () => pieces,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test.each([
  ['TCP', LOOPBACK_TCP],
  ['WebSocket', LOOPBACK_WEBSOCKET],
])(
  'what many streams write in one tick leaves together over %s, whole and in order',
  async (_name, listen) => {
    await using server = await openTestNetwork({ listen: [listen] })
    await using client = await openTestNetwork()
    await server.handle(PROTOCOL, async (frames) => {
      for await (const frame of frames) frames.write(frame)
      await frames.end()
    })
    const [address = ''] = server.addresses()
    const port = Number(/\/tcp\/(\d+)/u.exec(address)?.[1])
    await using pipe = await countingPipe(port)
    const through = address.replace(`/tcp/${port}`, `/tcp/${pipe.port}`)
    const streams = await Promise.all(
      Array.from({ length: STREAMS }, async () => await client.openStream([through], PROTOCOL)),
    )
    const before = pipe.pieces()
    for (let n = 0; n < FRAMES; n++)
      for (const [i, { frames }] of streams.entries()) frames.write(Uint8Array.of(i, n))
    const echoes = await Promise.all(
      streams.map(async ({ frames }) => {
        await frames.end()
        const echoed: number[][] = []
        for await (const frame of frames) echoed.push([...frame])
        return echoed
      }),
    )
    for (const [i, echo] of echoes.entries())
      assert.deepEqual(
        echo,
        Array.from({ length: FRAMES }, (_, n) => [i, n]),
      )
    const pieces = pipe.pieces() - before
    assert.ok(
      pieces < STREAMS,
      `${STREAMS * FRAMES} frames and ${STREAMS} ends in ${pieces} pieces`,
    )
  },
)

test('a connection that is closed has sent what was written before', async () => {
  await using server = await openTestNetwork()
  const heard = Promise.withResolvers<number>()
  await server.handle(PROTOCOL, async (frames) => {
    let bytes = 0
    for await (const frame of frames) bytes += frame.byteLength
    heard.resolve(bytes)
  })
  const client = await openTestNetwork()
  const { frames } = await client.openStream(server.addresses(), PROTOCOL)
  frames.write(new Uint8Array(100_000))
  await frames.end()
  await client.stop()
  assert.equal(await heard.promise, 100_000)
})
