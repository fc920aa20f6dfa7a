import assert from 'node:assert/strict'
import {
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
} from '@hanse/protocol/testing'
import { describe, test } from 'vitest'
import { NodeStore, type Submission } from '../store/node-store.ts'
import { Outbox } from './outbox.ts'
import type { SubmissionResult } from './settlement-client.ts'

/** An outbox over a store with one ended session, and a settlement that answers as it is told. */
function open(answer: (submissions: readonly Submission[]) => SubmissionResult[]) {
  const store = new NodeStore(':memory:')
  const order = makeOrder()
  const accepted = makeAcceptance(order)
  const session = order.cid.toString()
  store.putOffer(makeOffer(), [makeAttestation()])
  store.beginSession('provider', order, makeAuthorization(), NOW)
  store.setAcceptance(session, accepted)
  for (const receipt of makeReceipts(order, accepted)) void store.saveReceipt(session, receipt)
  store.endSession(session, 'completed', NOW)
  let now = NOW
  let calls = 0
  const outbox = new Outbox({
    store,
    now: () => now,
    settler: {
      submit: async (submissions) => {
        calls++
        return answer(submissions)
      },
      submitStatements: async () => [],
    },
  })
  return {
    store,
    outbox,
    wait: (ms: number) => {
      now += ms
    },
    calls: () => calls,
    [Symbol.asyncDispose]: async () => {
      await outbox[Symbol.asyncDispose]()
      store[Symbol.dispose]()
    },
  }
}

describe('the outbox', () => {
  test.each(['booked', 'duplicate', 'superseded'] as const)(
    'is done when settlement answers %s',
    async (status) => {
      await using opened = open((items) => items.map(() => ({ status })))
      await opened.outbox.flush()
      assert.deepEqual(opened.store.outbox(), [])
    },
  )

  test('tries again, later each time, while settlement is out of reach', async () => {
    let reachable = false
    await using opened = open((items) => {
      if (!reachable) throw new Error('no answer')
      return items.map(() => ({ status: 'booked' }))
    })
    await opened.outbox.flush()
    await opened.outbox.flush()
    assert.equal(opened.calls(), 1, 'not before its time')
    opened.wait(1_000)
    await opened.outbox.flush()
    assert.equal(opened.calls(), 2)
    reachable = true
    opened.wait(2_000)
    await opened.outbox.flush()
    assert.deepEqual(opened.store.outbox(), [])
  })

  test('keeps a refused session with its code, and sends it no more', async () => {
    await using opened = open((items) =>
      items.map(() => ({ status: 'rejected', code: 'HANSE_RECEIPT_EXPIRED' })),
    )
    await opened.outbox.flush()
    opened.wait(1e9)
    await opened.outbox.flush()
    assert.equal(opened.calls(), 1)
    assert.equal(opened.store.outbox()[0]?.refused, 'HANSE_RECEIPT_EXPIRED')
  })

  test('goes on asking when the peer is only not bound yet', async () => {
    let bound = false
    await using opened = open((items) =>
      items.map(() =>
        bound ? { status: 'booked' } : { status: 'rejected', code: 'HANSE_CONSUMER_UNKNOWN' },
      ),
    )
    await opened.outbox.flush()
    bound = true
    opened.wait(1_000)
    await opened.outbox.flush()
    assert.deepEqual(opened.store.outbox(), [])
  })
})
