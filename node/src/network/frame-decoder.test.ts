import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { FrameDecoder, varintLength, writeVarint } from './frame-decoder.ts'

const FRAME_BYTES_MAX = 1 << 20

function encode(frames: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(
    frames.reduce((sum, frame) => sum + varintLength(frame.byteLength) + frame.byteLength, 0),
  )
  let at = 0
  for (const frame of frames) {
    at = writeVarint(frame.byteLength, bytes, at)
    bytes.set(frame, at)
    at += frame.byteLength
  }
  return bytes
}

function cutInto(bytes: Uint8Array, pieceBytes: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.byteLength; i++) {
    const end = at + (pieceBytes[i % pieceBytes.length] ?? 1)
    pieces.push(bytes.subarray(at, end))
    at = end
  }
  return pieces
}

test('frames come out as they went in, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 }),
      (frames, pieceBytes) => {
        const decoder = new FrameDecoder(FRAME_BYTES_MAX)
        const decoded = cutInto(encode(frames), pieceBytes).flatMap((piece) =>
          decoder.push(piece).map((f) => [...f]),
        )
        assert.deepEqual(
          decoded,
          frames.map((frame) => [...frame]),
        )
        assert.equal(decoder.insideFrame, false)
      },
    ),
  )
})

test('a frame that is not whole yet is told from an end between frames', () => {
  const decoder = new FrameDecoder(FRAME_BYTES_MAX)
  assert.deepEqual(decoder.push(new Uint8Array([3, 1, 2])), [])
  assert.equal(decoder.insideFrame, true)
  assert.deepEqual(decoder.push(new Uint8Array([3])), [new Uint8Array([1, 2, 3])])
  assert.equal(decoder.insideFrame, false)
})

test.each([
  ['one byte over the limit', [0x81, 0x80, 0x40]],
  ['a length of 2^70', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['a length that would wrap at 32 bits', [0x80, 0x80, 0x80, 0x80, 0x10]],
  ['zero in two bytes', [0x80, 0x00]],
  ['one in three bytes', [0x81, 0x80, 0x00]],
  ['a length without end', [0x80, 0x80, 0x80]],
])('%s is refused', (_what, bytes) => {
  for (const pieceBytes of [[1], [100]]) {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX)
    const feed = (): void => {
      for (const piece of cutInto(new Uint8Array(bytes), pieceBytes)) decoder.push(piece)
    }
    assert.throws(feed, { code: 'HANSE_FRAME_TOO_LARGE' })
  }
})

test('a frame of exactly the limit passes', () => {
  const decoder = new FrameDecoder(FRAME_BYTES_MAX)
  const [frame] = decoder.push(encode([new Uint8Array(FRAME_BYTES_MAX)]))
  assert.equal(frame?.byteLength, FRAME_BYTES_MAX)
})
