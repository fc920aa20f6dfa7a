import assert from 'node:assert/strict'
import { openStatement, type PicoEuro, SESSION_PROTOCOL, STATEMENT_PROTOCOL } from '@hanse/protocol'
import {
  consumer,
  consumerContext,
  context,
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
  providerContext,
} from '@hanse/protocol/testing'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { type Network, openNetwork } from '../network/index.ts'
import { Outbox, type Settler } from '../settlement/outbox.ts'
import type { StatementResult } from '../settlement/settlement-client.ts'
import { NodeStore } from '../store/node-store.ts'
import { statementDue } from '../store/statement-due.ts'
import { serveStatements } from './countersign.ts'
import { StatementDesk } from './statement-desk.ts'

const log = pino({ level: 'silent' })
let stack: AsyncDisposableStack
let seller: NodeStore
let buyer: NodeStore
let sellerNetwork: Network
let buyerNetwork: Network
let now = NOW

/** The peers of the fixtures, each with a node of its own. */
async function openPeer(seedByte: number): Promise<Network> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seedByte))
  return stack.use(
    await openNetwork({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      lan: true,
      dhtClient: false,
      validateRecord: async () => {},
      selectRecord: () => 0,
    }),
  )
}

beforeEach(async () => {
  now = NOW
  stack = new AsyncDisposableStack()
  seller = stack.use(new NodeStore(':memory:'))
  buyer = stack.use(new NodeStore(':memory:'))
  sellerNetwork = await openPeer(2)
  buyerNetwork = await openPeer(1)
  assert.equal(buyerNetwork.peerId, consumer.peerId)
  // The consumer has bought something, so it is connected.
  await sellerNetwork.handle(SESSION_PROTOCOL, async (frames) => await frames.end())
  const { frames } = await buyerNetwork.openStream(sellerNetwork.addresses(), SESSION_PROTOCOL)
  await frames.end()
})

afterEach(async () => await stack.disposeAsync())

/** A session that both sides have ended. */
function trade(i: number, final: 'completed' | null = 'completed'): string {
  const order = makeOrder({ nonce: new Uint8Array(16).fill(i) })
  const accepted = makeAcceptance(order)
  const receipts = makeReceipts(order, accepted, 2, (value) => ({
    ...value,
    final: value.final === null ? null : final,
  }))
  const session = order.cid.toString()
  for (const [role, store] of [
    ['provider', seller],
    ['consumer', buyer],
  ] as const) {
    store.putOffer(makeOffer(), [makeAttestation()])
    store.beginSession(role, order, makeAuthorization(), NOW)
    store.setAcceptance(session, accepted)
    for (const receipt of receipts) {
      void store.saveReceipt(session, receipt, statementDue(receipt.value, now))
    }
    store.endSession(session, final ?? 'provider-unreachable', NOW)
  }
  return session
}

function openDesk(): StatementDesk {
  return new StatementDesk({
    context: providerContext,
    store: seller.statements,
    network: sellerNetwork,
    everyMs: 3_600_000,
    log,
    onSettled: () => {},
  })
}
const answer = async (store = buyer) =>
  await serveStatements(buyerNetwork, {
    context: consumerContext,
    store: store.statements,
    now: () => now,
    log,
  })

/** A settlement that says yes, or what it is told to say, and counts. */
function settler(result: StatementResult = { status: 'booked', refused: [] }): Settler & {
  readonly receipts: string[]
  readonly amounts: PicoEuro[]
} {
  const receipts: string[] = []
  const amounts: PicoEuro[] = []
  return {
    receipts,
    amounts,
    submit: async (items) => {
      receipts.push(...items.map(({ session }) => session))
      return items.map(() => ({ status: 'booked' }))
    },
    submitStatements: async (items) => {
      for (const { statement, lines } of items) {
        amounts.push(openStatement(context, statement, lines).value.amount)
      }
      return items.map(() => result)
    },
  }
}
const tell = async (store: NodeStore, to: Settler) => {
  const outbox = new Outbox({ store, settler: to, now: () => now })
  await outbox.flush()
  return outbox
}

describe('a provider and a consumer that are both there', () => {
  test('settle many sessions by one statement', async () => {
    await answer()
    const sessions = [trade(1), trade(2), trade(3)]
    await using desk = openDesk()
    await desk.flush()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.equal(to.amounts.length, 1)
    assert.deepEqual(to.receipts, [])
    assert.deepEqual(seller.outbox(), [])
    for (const session of sessions) {
      const told = buyer.statements.of(session)
      assert.deepEqual(told?.statement, seller.statements.of(session)?.statement)
      assert.equal(told?.lines.length, 3)
    }
  })

  test('go on in the same lane with totals of all', async () => {
    await answer()
    await using desk = openDesk()
    trade(1)
    await desk.flush()
    trade(2)
    await desk.flush()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.equal(to.amounts[1], 2n * (to.amounts[0] ?? 0n))
    // The consumer tells too, should the provider never do so.
    now += 2_000
    const late = settler({ status: 'duplicate', refused: [] })
    await using __ = await tell(buyer, late)
    assert.deepEqual(late.amounts, to.amounts)
    assert.deepEqual(buyer.outbox(), [])
  })

  test('leave a session that was cut to its receipts', async () => {
    await answer()
    await using desk = openDesk()
    const cut = trade(1, null)
    await desk.flush()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.deepEqual(to, { ...to, receipts: [cut], amounts: [] })
  })

  test('go back to receipts for the sessions that it was not booked for', async () => {
    await answer()
    const [good, bad] = [trade(1), trade(2)]
    await using desk = openDesk()
    await desk.flush()
    const refused = [{ session: bad, code: 'HANSE_RECEIPT_LIMIT' }]
    const to = settler({ status: 'booked', refused })
    await using _ = await tell(seller, to)
    assert.deepEqual(to.receipts, [bad])
    assert.notEqual(good, bad)
  })

  test('go back to receipts when settlement will not have the statement', async () => {
    await answer()
    const session = trade(1)
    await using desk = openDesk()
    await desk.flush()
    const to = settler({ status: 'rejected', code: 'HANSE_STATEMENT_EQUIVOCATION' })
    await using _ = await tell(seller, to)
    assert.deepEqual(to.receipts, [session])
  })
})

describe('a statement that is not signed', () => {
  test('because the consumer remembers nothing leaves its sessions to their receipts', async () => {
    await answer(stack.use(new NodeStore(':memory:')))
    const session = trade(1)
    await using desk = openDesk()
    await desk.flush()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.deepEqual(to, { ...to, receipts: [session], amounts: [] })
  })

  test('because the consumer has left does so too, and the next lane is another', async () => {
    const session = trade(1)
    await using desk = openDesk()
    await desk.flush()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.deepEqual(to.receipts, [session])
    assert.equal(seller.statements.nextLane(makeAuthorization().cid), 1)
  })

  test('because the provider crashed does so too', async () => {
    await buyerNetwork.handle(STATEMENT_PROTOCOL, async () => await new Promise(() => {}))
    const session = trade(1)
    void openDesk().flush()
    await using restarted = openDesk()
    const to = settler()
    await using _ = await tell(seller, to)
    assert.deepEqual(to.receipts, [session])
    void restarted
  })

  test('is waited for only so long', async () => {
    const session = trade(1)
    const to = settler()
    await using outbox = await tell(seller, to)
    assert.deepEqual(to.receipts, [])
    now += 30_000
    await outbox.flush()
    assert.deepEqual(to.receipts, [session])
  })
})
