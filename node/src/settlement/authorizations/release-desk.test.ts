import {
  authorizationRelease,
  HanseError,
  openSigned,
  picoEuro,
  releaseSigners,
  type SignedRecord,
} from '@hanse/protocol'
import {
  context,
  makeAcceptance,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
  providerContext,
  settlement,
} from '@hanse/protocol/testing'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeStore } from '../../store/node-store.ts'
import { ReleaseDesk } from './release-desk.ts'

const MINUTE = 60_000
const held = makeAuthorization()
const CID = held.cid.toString()
const order = makeOrder({ authorization: held.cid })
const session = order.cid.toString()
const acceptance = makeAcceptance(order)

let store: NodeStore
let told: SignedRecord[]
let away: boolean
let now: number

beforeEach(() => {
  store = new NodeStore(':memory:')
  told = []
  away = false
  now = NOW
})
afterEach(() => store[Symbol.dispose]())

function open(): ReleaseDesk {
  return new ReleaseDesk({
    context: providerContext,
    store,
    settlement: {
      release: async (signed) => {
        if (away) throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'nobody answers')
        told.push(signed)
        return true
      },
    },
    issuer: () => settlement.peerId,
    isConnected: () => true,
    reserved: () => picoEuro(0n),
    idleMs: 15 * MINUTE,
    log: pino({ level: 'silent' }),
    now: () => now,
  })
}

/** A session with one receipt; settlement has not been told of it. @returns what it came to */
async function sell(): Promise<bigint> {
  store.putOffer(makeOffer(), [])
  store.beginSession('provider', order, held, now)
  store.setAcceptance(session, acceptance)
  const [receipt] = makeReceipts(order, acceptance, 1)
  if (receipt === undefined) throw new Error('the fixture has a receipt')
  await store.saveReceipt(session, receipt)
  return receipt.value.amount
}

const claims = (signed: SignedRecord | undefined) =>
  signed && openSigned(context, authorizationRelease, signed, releaseSigners).value.claims

describe('what a consumer leaves unspent', () => {
  test('is given back when its sessions are settled and no order came, with all that was earned kept', async () => {
    await using desk = open()
    desk.touch(held)
    const earned = await sell()
    now += 20 * MINUTE
    await desk.flush()
    expect([told.length, store.ends.isReleased(CID)]).toEqual([0, false])
    store.endSession(session, 'completed', now)
    now += 20 * MINUTE
    await desk.flush()
    expect(told).toEqual([])
    const [due] = store.dueSubmissions(now, 1)
    store.submissionDone(session, due?.sequence ?? -1n)
    await desk.flush()
    expect(told.map(claims)).toEqual([earned])
    await desk.flush()
    expect([told.length, store.ends.isReleased(CID)]).toEqual([1, true])
  })

  test('stays given back over a restart, and settlement is told when it is there again', async () => {
    {
      await using desk = open()
      desk.touch(held)
      away = true
      now += 15 * MINUTE
      await desk.flush()
    }
    expect([told.length, store.ends.isReleased(CID)]).toEqual([0, true])
    await using desk = open()
    away = false
    now += MINUTE
    await desk.flush()
    await desk.flush()
    expect(told.map(claims)).toEqual([0n])
    expect(store.ends.untold(settlement.peerId, 10)).toEqual([])
  })

  test('is given back after a restart, too, for sessions from before it', async () => {
    const earned = await sell()
    store.endSession(session, 'completed', now)
    const [due] = store.dueSubmissions(now, 1)
    store.submissionDone(session, due?.sequence ?? -1n)
    await using desk = open()
    await desk.flush()
    expect(told).toEqual([])
    now += 15 * MINUTE
    await desk.flush()
    expect(told.map(claims)).toEqual([earned])
  })

  test('is given back at once when settlement has revoked it', async () => {
    await using desk = open()
    desk.touch(held)
    const { serial } = held.value
    const list = { issuer: settlement.peerId, since: 0n, until: 1n, at: now, serials: [serial] }
    store.ends.addRevocations(list, now)
    await desk.flush()
    expect(told.map(claims)).toEqual([0n])
  })
})
