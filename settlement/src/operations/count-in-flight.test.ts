import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { countInFlight } from './count-in-flight.ts'

/** A route whose work ends when the test says so. */
async function setUp() {
  const app = Fastify()
  const counts: number[] = []
  const inFlight = countInFlight(app, (requests) => counts.push(requests))
  const work = Promise.withResolvers<object>()
  const begun = Promise.withResolvers<ServerResponse>()
  await app.register(async (routes) => {
    routes.get('/works', async (_request, reply) => {
      begun.resolve(reply.raw)
      return work.promise
    })
    routes.get('/sends', (_request, reply) => {
      reply.send({ sent: inFlight() })
    })
    routes.get('/fails', () => {
      throw new Error('as it should')
    })
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url: new URL(url),
    counts,
    inFlight,
    work,
    begun: begun.promise,
    async [Symbol.asyncDispose]() {
      work.resolve({})
      await app.close()
    },
  }
}

test.each(['resolve', 'reject'] as const)(
  'a request whose client hangs up is in flight until its handler has ended: %s',
  async (end) => {
    await using service = await setUp()
    const { url, begun, work, inFlight, counts } = service
    const socket = connect(Number(url.port), url.hostname)
    socket.write('GET /works HTTP/1.1\r\nhost: x\r\n\r\n')
    const gone = once(await begun, 'close')
    socket.destroy()
    await gone
    expect(inFlight()).toBe(1)
    if (end === 'resolve') work.resolve({})
    else work.reject(new Error('it did not work out'))
    await expect.poll(inFlight).toBe(0)
    expect(counts).toEqual([1, 0])
  },
)

test('every other request is counted once, whatever becomes of it', async () => {
  await using service = await setUp()
  const { url, inFlight, counts } = service
  const sent = await fetch(new URL('/sends', url))
  expect(await sent.json()).toEqual({ sent: 1 })
  const statuses = ['/sends', '/fails', '/nowhere'].map(async (path) => {
    const answer = await fetch(new URL(path, url), { method: 'HEAD' })
    return answer.status
  })
  expect(await Promise.all(statuses)).toEqual([200, 500, 404])
  await expect.poll(inFlight).toBe(0)
  expect(counts.filter((count) => count < 0)).toEqual([])
})
