import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { Room } from '../ingest/room.ts'
import type { App } from './app.ts'
import { takeBodies } from './ingest-body.ts'
import { installProblems } from './problem.ts'

const BODY_BYTES = 1_000

/** A route whose work ends when the test says so. */
async function setUp() {
  const room = new Room({
    bytesMax: 10 * BODY_BYTES,
    batchesMax: 3,
    arrivingBytesMax: 10 * BODY_BYTES,
  })
  const app = Fastify()
  installProblems(app)
  const atWork = takeBodies(app as unknown as App, room)
  const work = Promise.withResolvers<object>()
  const begun = Promise.withResolvers<ServerResponse>()
  app.post('/', async (request, reply) =>
    atWork(request, () => {
      begun.resolve(reply.raw)
      return work.promise
    }),
  )
  const url = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const sockets: Socket[] = []
  const send = (bytes: number): Socket => {
    const socket = connect(Number(url.port), url.hostname)
    sockets.push(socket)
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`,
    )
    socket.write(new Uint8Array(bytes))
    return socket
  }
  return {
    room,
    url,
    send,
    work,
    begun: begun.promise,
    async [Symbol.asyncDispose]() {
      work.resolve({})
      for (const socket of sockets) socket.destroy()
      await app.close()
    },
  }
}

test.each(['resolve', 'reject'] as const)(
  'a batch whose sender hangs up keeps its place until its work has ended: %s',
  async (end) => {
    await using service = await setUp()
    const { room, send, begun, work } = service
    const socket = send(BODY_BYTES)
    const response = await begun
    const gone = once(response, 'close')
    socket.destroy()
    await gone
    expect([room.bytes, room.batches]).toEqual([BODY_BYTES, 1])
    if (end === 'resolve') work.resolve({})
    else work.reject(new Error('it did not work out'))
    await expect.poll(() => [room.bytes, room.batches]).toEqual([0, 0])
  },
)

test('a body takes a place when all of it has come, and gives its bytes back when its sender hangs up', async () => {
  await using service = await setUp()
  const { room, send } = service
  const slow = [1, 2, 3, 4].map(() => send(BODY_BYTES - 1))
  await expect.poll(() => room.bytes).toBe(4 * (BODY_BYTES - 1))
  expect(room.batches).toBe(0)
  const whole = send(BODY_BYTES)
  await service.begun
  expect(room.batches).toBe(1)
  for (const socket of slow) socket.destroy()
  await expect.poll(() => room.bytes).toBe(BODY_BYTES)
  service.work.resolve({})
  const [answer] = (await once(whole, 'data')) as [Buffer]
  expect(answer.toString()).toContain('200 OK')
  expect([room.bytes, room.batches]).toEqual([0, 0])
})

test('a body of another type is not read', async () => {
  await using service = await setUp()
  for (const type of ['application/json', 'text/plain']) {
    const headers = { 'content-type': type }
    const answer = await fetch(service.url, { method: 'POST', headers, body: '{}' })
    expect(answer.status).toBe(415)
    expect(await answer.json()).toMatchObject({ code: 'HANSE_MEDIA_TYPE' })
  }
})
