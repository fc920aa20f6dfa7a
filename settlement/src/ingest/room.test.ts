import { expect, test } from 'vitest'
import { Room } from './room.ts'

const busy = expect.objectContaining({ code: 'HANSE_INGEST_BUSY', retryAfterMs: 1_000 })

test('what was announced is not counted, what has come is', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 10 })
  const first = room.enter(100)
  const second = room.enter(100)
  first.take(60)
  expect(() => second.take(41)).toThrow(busy)
  second.take(40)
  expect(room.bytes).toBe(100)
  expect(() => room.enter(1)).toThrow(busy)
  first.leave()
  first.leave()
  expect([room.bytes, room.batches]).toEqual([40, 1])
  room.enter(60)
})

test('there are so many places and no more, however small the batches', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 2 })
  room.enter(0)
  const place = room.enter(0)
  expect(() => room.enter(0)).toThrow(busy)
  place.leave()
  room.enter(0)
})
