import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { FrameStream } from './frame-stream.ts'
import type { StreamHandler } from './libp2p-node.ts'
import { LOOPBACK_TCP, LOOPBACK_WEBSOCKET, openTestNetwork } from './test-network.ts'

const PROTOCOL = '/hanse/test/1.0.0'
const MIB = 1 << 20

interface Pair extends AsyncDisposable {
  open(): Promise<FrameStream>
}

async function openPair(handler: StreamHandler, listen: string = LOOPBACK_TCP): Promise<Pair> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await openTestNetwork({ listen: [listen] }))
  const client = stack.use(await openTestNetwork({ listen: [] }))
  await server.handle(PROTOCOL, handler)
  const owned = stack.move()
  return {
    open: async () => {
      const { frames } = await client.openStream(server.addresses(), PROTOCOL, {
        signal: AbortSignal.timeout(10_000),
      })
      return frames
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
}

const echo: StreamHandler = async (frames) => {
  for await (const frame of frames) if (!frames.write(frame)) await frames.drained()
  await frames.end()
}

async function sendAll(frames: FrameStream, payloads: Uint8Array[]): Promise<void> {
  for (const payload of payloads) if (!frames.write(payload)) await frames.drained()
  await frames.end()
}

async function readAll(frames: FrameStream): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const frame of frames) all.push(frame)
  return all
}

function digestOf(payloads: Uint8Array[]): string[] {
  return payloads.map(
    (payload) => `${payload.byteLength} ${createHash('sha256').update(payload).digest('hex')}`,
  )
}

describe.each([
  ['TCP', LOOPBACK_TCP],
  ['WebSocket', LOOPBACK_WEBSOCKET],
])('over %s', (_name, listen) => {
  test('random frames up to 1 MiB come back byte for byte', async () => {
    await using pair = await openPair(echo, listen)
    const size = fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 40_000 }),
      fc.integer({ min: 0, max: MIB }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 30 }), async (sizes) => {
        const payloads = [...sizes, MIB].map((bytes) => randomBytes(bytes))
        const frames = await pair.open()
        const [echoed] = await Promise.all([readAll(frames), sendAll(frames, payloads)])
        assert.deepEqual(digestOf(echoed), digestOf(payloads))
      }),
      { numRuns: 8 },
    )
  })

  test('a slow reader makes the sender wait instead of filling memory', async () => {
    const read = Promise.withResolvers<number>()
    const slow: StreamHandler = async (frames) => {
      let bytes = 0
      for (
        let batch = await frames.readBatch();
        batch !== undefined;
        batch = await frames.readBatch()
      ) {
        for (const frame of batch) bytes += frame.byteLength
        if (bytes < 2 * MIB) await delay(20)
      }
      read.resolve(bytes)
      await frames.end()
    }
    await using pair = await openPair(slow, listen)
    const frames = await pair.open()
    const payload = randomBytes(16 * 1024)
    let waits = 0
    let unsentBytesMax = 0
    for (let sent = 0; sent < 16 * MIB; sent += payload.byteLength) {
      const ready = frames.write(payload)
      unsentBytesMax = Math.max(unsentBytesMax, frames.stream.writeBufferLength)
      if (ready) continue
      waits++
      await frames.drained(AbortSignal.timeout(20_000))
    }
    await frames.end()
    assert.equal(await read.promise, 16 * MIB)
    assert.ok(waits > 5, `${waits} waits`)
    assert.ok(unsentBytesMax < MIB, `${unsentBytesMax} bytes were waiting to be sent`)
  })

  test('a reader that does nothing stops the sender within its window', async () => {
    const finish = Promise.withResolvers<void>()
    await using pair = await openPair(async (frames) => {
      await finish.promise
      assert.equal((await readAll(frames)).length, 1)
      await frames.end()
    }, listen)
    const frames = await pair.open()
    let written = 0
    while (frames.write(new Uint8Array(64 * 1024))) {
      written += 64 * 1024
      await delay(0)
      assert.ok(written < 8 * MIB, 'the sender was never asked to wait')
    }
    await assert.rejects(frames.drained(AbortSignal.timeout(200)), { name: 'TimeoutError' })
    frames.abort(new Error('enough'))
    finish.resolve()
  })
})

test('an answer that came whole before anybody read it is not lost', async () => {
  await using pair = await openPair(async (frames) => {
    frames.write(new Uint8Array([1]))
    frames.write(new Uint8Array([2]))
    await frames.end()
  })
  const frames = await pair.open()
  await delay(50)
  assert.deepEqual(await frames.readBatch(), [new Uint8Array([1]), new Uint8Array([2])])
  assert.equal(await frames.readBatch(), undefined)
})

test('a stream that ends inside a frame is an error, not an end', async () => {
  await using pair = await openPair(async (frames) => {
    frames.stream.send(new Uint8Array([1, 7, 5, 1, 2]))
    await frames.stream.close()
  })
  const frames = await pair.open()
  assert.deepEqual(await frames.readBatch(), [new Uint8Array([7])])
  await assert.rejects(frames.readBatch(), { code: 'HANSE_FRAME_CUT' })
})

test.each([
  ['a frame over the limit', [0x81, 0x80, 0x40]],
  ['a malformed length', [0x80, 0x80, 0x80, 0x80]],
  ['an overlong length', [0x81, 0x00, 0x05]],
])('%s is refused and the sender sees a reset', async (_what, bytes) => {
  const refused = Promise.withResolvers<unknown>()
  await using pair = await openPair(async (frames) => {
    refused.resolve(await frames.readBatch().catch((error: unknown) => error))
  })
  const frames = await pair.open()
  frames.stream.send(new Uint8Array(bytes))
  assert.equal(((await refused.promise) as { code?: string }).code, 'HANSE_FRAME_TOO_LARGE')
  await assert.rejects(frames.readBatch(), { code: 'HANSE_STREAM_RESET' })
})

test('a reset reaches whoever reads, writes or waits', async () => {
  await using pair = await openPair(async (frames) => {
    await frames.readBatch()
    frames.abort(new Error('no'))
  })
  const frames = await pair.open()
  frames.write(new Uint8Array([1]))
  await assert.rejects(frames.readBatch(), { code: 'HANSE_STREAM_RESET' })
  frames.write(new Uint8Array([1]))
  assert.throws(() => frames.flush(), { code: 'HANSE_STREAM_RESET' })
  await assert.rejects(frames.readBatch(), { code: 'HANSE_STREAM_RESET' })
})

test('an oversized frame is refused before it is sent', async () => {
  await using pair = await openPair(echo)
  const frames = await pair.open()
  assert.throws(() => frames.write(new Uint8Array(MIB + 1)), { code: 'HANSE_FRAME_TOO_LARGE' })
  frames.write(new Uint8Array([9]))
  assert.deepEqual(await frames.readBatch(), [new Uint8Array([9])])
  await frames.end()
})
