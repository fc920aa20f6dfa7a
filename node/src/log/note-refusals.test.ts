import { HanseError } from '@hanse/protocol'
import { consumer, makeOrder, NOW, provider, stranger } from '@hanse/protocol/testing'
import { expect, test } from 'vitest'
import type { PlaceRefused } from '../consumer/recipient-check.ts'
import { misplacedNote, refusalsNote } from './note-refusals.ts'

const HOUR_MS = 3_600_000

function open() {
  const clock = { now: NOW }
  const noted: (readonly [string, string])[] = []
  const audit = {
    noteOf: (peer: string, { reason }: { reason: string }) => void noted.push([peer, reason]),
  }
  return { clock, noted, audit, options: { log: { warn: () => {} }, now: () => clock.now } }
}

const refused = (changes: Partial<PlaceRefused> = {}): PlaceRefused => ({
  place: 'discovery',
  provider: provider.peerId,
  country: 'DE',
  reason: 'expired',
  message: '',
  policy: { allow: ['EU'], minLevel: 3 },
  ...changes,
})

test('what is found of the same provider while offers are compared is noted once an hour, each reason by itself', () => {
  const { clock, noted, audit, options } = open()
  const note = refusalsNote(audit, options)
  for (let again = 0; again < 3; again++) {
    note(refused())
    note(refused({ reason: 'forged' }))
    note(refused({ provider: stranger.peerId }))
  }
  expect(noted).toHaveLength(3)
  clock.now += HOUR_MS
  note(refused())
  expect(noted).toHaveLength(4)
})

test('each request that was stopped before its prompt left is noted', () => {
  const { noted, audit, options } = open()
  const note = refusalsNote(audit, options)
  for (let again = 0; again < 3; again++) note(refused({ place: 'before-prompt' }))
  expect(noted).toHaveLength(3)
})

test('peers that are made up fill no log', () => {
  const { clock, noted, audit, options } = open()
  const note = misplacedNote(audit, 'DE', options)
  const order = makeOrder().value
  const error = new HanseError('HANSE_POLICY_RESIDENCY', '')
  note({ ...order, consumer: consumer.peerId }, error)
  note({ ...order, consumer: consumer.peerId }, error)
  expect(noted).toEqual([[consumer.peerId, 'unproven']])
  for (let i = 0; i < 500; i++) note({ ...order, consumer: `${i}` as typeof order.consumer }, error)
  expect(noted).toHaveLength(60)
  clock.now += 60_000
  note({ ...order, consumer: stranger.peerId }, error)
  expect(noted).toHaveLength(61)
})
