import { expect, test } from 'vitest'
import { Room } from './room.ts'

const busy = expect.objectContaining({ code: 'HANSE_INGEST_BUSY', retryAfterMs: 1_000 })

test('what was announced is not counted, what has come is', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 10, arrivingBytesMax: 100 })
  const first = room.enter(100, 'a')
  const second = room.enter(100, 'a')
  first.take(60)
  expect(() => second.take(41)).toThrow(busy)
  second.take(40)
  expect(room.bytes).toBe(100)
  expect(() => room.enter(1, 'a')).toThrow(busy)
  first.leave()
  first.leave()
  expect(room.bytes).toBe(40)
  room.enter(60, 'a')
})

test('there are places for so many whole batches and no more, however small', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 2 })
  const [first, second, third] = [1, 2, 3].map(() => room.enter(0, 'a'))
  first?.arrived()
  second?.arrived()
  expect(room.batches).toBe(2)
  expect(() => third?.arrived()).toThrow(busy)
  expect(() => room.enter(0, 'b')).toThrow(busy)
  first?.leave()
  first?.leave()
  expect(room.batches).toBe(1)
  third?.arrived()
  expect(room.batches).toBe(2)
})

test('bodies that are still coming take no places, and each address sends so many at once', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 1, arrivingMax: 2 })
  const [first, second] = [room.enter(0, 'a'), room.enter(0, 'a')]
  expect(() => room.enter(0, 'a')).toThrow(busy)
  room.enter(0, 'b').arrived()
  expect(room.batches).toBe(1)
  first.leave()
  first.leave()
  second.leave()
  expect(room.batches).toBe(1)
})

test('one that came whole or was left is not coming any more', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 10, arrivingMax: 1 })
  room.enter(0, 'a').arrived()
  room.enter(0, 'a').leave()
  room.enter(0, 'a')
  expect(() => room.enter(0, 'a')).toThrow(busy)
})

test('who has left brings nothing in', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 10 })
  const place = room.enter(10, 'a')
  place.take(5)
  place.leave()
  expect(() => place.take(5)).toThrow(busy)
  expect(() => place.arrived()).toThrow(busy)
  expect([room.bytes, room.batches]).toEqual([0, 0])
})

test('one address that sends slowly keeps a quarter of the room from others, and no more', () => {
  const room = new Room({ bytesMax: 100, batchesMax: 10 })
  const [first, second] = [room.enter(100, 'a'), room.enter(100, 'a')]
  first.take(20)
  expect(() => second.take(6)).toThrow(busy)
  second.take(5)
  room.enter(75, 'b').take(25)
  // What has come whole is worked on, and is not held up by its sender any more.
  first.arrived()
  second.take(20)
  second.leave()
  expect(room.bytes).toBe(45)
})
