import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { type Lease, Scheduler, type SlotAsk } from './scheduler.ts'

const MODEL = 'a'
const live = () => new AbortController().signal

function open(changes: Partial<ConstructorParameters<typeof Scheduler>[0]> = {}): Scheduler {
  const limits = { slots: 1, queueMax: 2, reservedSlots: 0, placesPerConsumer: 10 }
  return new Scheduler({ models: new Map([[MODEL, limits]]), now: Date.now, ...changes })
}

function ask(changes: Partial<SlotAsk> = {}): SlotAsk {
  return {
    model: MODEL,
    consumer: 'c1',
    authorized: false,
    inputTokens: 10,
    maxOutputTokens: 10,
    deadlineMs: 60_000,
    ...changes,
  }
}

describe('a slot', () => {
  test('goes to who waits for it, once it is given back', async () => {
    using scheduler = open()
    const first = await scheduler.acquire(ask(), live())
    const waiting = scheduler.acquire(ask({ consumer: 'c2' }), live())
    assert.deepEqual(scheduler.load(MODEL), { slots: 1, busy: 1, queued: 1 })
    first.release()
    const second = await waiting
    assert.deepEqual(scheduler.load(MODEL), { slots: 1, busy: 1, queued: 0 })
    second.release()
    second.release()
    assert.equal(scheduler.free(MODEL), 1)
  })

  test('is waited for by the timer that is handed in, which is taken back once there is one', async () => {
    const due: { ms: number; run: () => void; cleared: boolean }[] = []
    const timer = (ms: number, run: () => void) => {
      const entry = { ms, run, cleared: false }
      due.push(entry)
      return () => {
        entry.cleared = true
      }
    }
    using scheduler = open({ timer, patienceMs: 7_000 })
    const first = await scheduler.acquire(ask(), live())
    const late = scheduler.acquire(ask({ consumer: 'c2' }), live())
    const lucky = scheduler.acquire(ask({ consumer: 'c3' }), live())
    assert.deepEqual(
      due.map(({ ms }) => ms),
      [7_000, 7_000],
    )
    due[0]?.run()
    await assert.rejects(late, { code: 'HANSE_CAPACITY' })
    first.release()
    await lucky
    assert.deepEqual(
      due.map(({ cleared }) => cleared),
      [true, true],
    )
  })

  test('is not kept for a consumer that left the queue', async () => {
    using scheduler = open()
    const first = await scheduler.acquire(ask(), live())
    const gone = new AbortController()
    const waiting = scheduler.acquire(ask(), gone.signal)
    gone.abort()
    await assert.rejects(waiting, { code: 'HANSE_SESSION_CANCELLED' })
    assert.equal(scheduler.load(MODEL).queued, 0)
    first.release()
    assert.equal(scheduler.free(MODEL), 1)
    await assert.rejects(scheduler.acquire(ask(), gone.signal), { code: 'HANSE_SESSION_CANCELLED' })
  })

  test('is waited for no longer than the consumer waits', async () => {
    using scheduler = open({ patienceMs: 20 })
    const first = await scheduler.acquire(ask(), live())
    await assert.rejects(scheduler.acquire(ask(), live()), {
      code: 'HANSE_CAPACITY',
      retryAfterMs: 1_000,
    })
    assert.equal(scheduler.load(MODEL).queued, 0)
    first.release()
  })

  test('does not come any more when the provider shuts down', async () => {
    const scheduler = open()
    const first = await scheduler.acquire(ask(), live())
    const waiting = scheduler.acquire(ask(), live())
    scheduler[Symbol.dispose]()
    await assert.rejects(waiting, { code: 'HANSE_DRAINING' })
    await assert.rejects(scheduler.acquire(ask(), live()), { code: 'HANSE_DRAINING' })
    first.release()
  })

  test('that displaced a waiting order tells its consumer so', async () => {
    using scheduler = open({ ownerPeers: ['me'] })
    const first = await scheduler.acquire(ask(), live())
    const kept = scheduler.acquire(ask(), live())
    const displaced = scheduler.acquire(ask(), live())
    const mine = scheduler.acquire(ask({ consumer: 'me' }), live())
    await assert.rejects(displaced, { code: 'HANSE_CAPACITY' })
    first.release()
    ;(await mine).release()
    ;(await kept).release()
    assert.equal(scheduler.running, 0)
  })
})

describe('speed', () => {
  test('is measured while the engine works, not while the consumer holds it back', async () => {
    let now = 1_000
    using scheduler = open({ now: () => now })
    assert.equal(scheduler.tokensPerSecond(MODEL), null)
    const lease = await scheduler.acquire(ask({ maxOutputTokens: 1_000 }), live())
    now += 200
    lease.onFirstToken()
    for (let i = 0; i < 50; i++) {
      now += 20
      lease.onTokens(1)
    }
    lease.onStall()
    now += 60_000
    lease.onTokens(500)
    for (let i = 0; i < 50; i++) {
      now += 20
      lease.onTokens(1)
    }
    lease.onEnd()
    lease.release()
    assert.equal(scheduler.tokensPerSecond(MODEL), 50)
    const { outputTokensPerSecond } = scheduler.throughput(MODEL)
    assert.ok(outputTokensPerSecond !== undefined && outputTokensPerSecond < 50)
  })

  test('of an answer that never reached the engine is not measured', async () => {
    using scheduler = open()
    const lease = await scheduler.acquire(ask(), live())
    lease.release()
    assert.equal(scheduler.tokensPerSecond(MODEL), null)
  })
})

test('however orders come and go, every lease comes back and the machine is free in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ consumer: fc.constantFrom('c1', 'c2', 'c3'), leaves: fc.boolean() }), {
        maxLength: 25,
      }),
      async (order, asks) => {
        using scheduler = open()
        let running = 0
        const held: Lease[] = []
        const served = asks.map(async ({ consumer, leaves }, i) => {
          const gone = new AbortController()
          await order.schedule(Promise.resolve(), `order ${i}`)
          const waiting = scheduler.acquire(ask({ consumer }), gone.signal)
          if (leaves) void order.schedule(Promise.resolve(), `leave ${i}`).then(() => gone.abort())
          try {
            const lease = await waiting
            held.push(lease)
            assert.ok(++running <= 1)
            lease.onTokens(3)
            await order.schedule(Promise.resolve(), `end ${i}`)
            running--
            lease.release()
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error)
          }
        })
        await order.waitFor(Promise.all(served))
        for (const lease of held) lease.release()
        assert.deepEqual(scheduler.load(MODEL), { slots: 1, busy: 0, queued: 0 })
        assert.equal(scheduler.free(MODEL), 1)
      },
    ),
    { numRuns: 100 },
  )
})
