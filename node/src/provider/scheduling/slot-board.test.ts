import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { AnswerSample } from './answer-speed.ts'
import {
  type ModelLimits,
  OVERTAKEN_MAX,
  type Placement,
  type Priority,
  RETRY_MAX_MS,
  RETRY_MIN_MS,
  SlotBoard,
  type SlotRequest,
} from './slot-board.ts'

const LIMITS: ModelLimits = { slots: 2, queueMax: 4, reservedSlots: 0, placesPerConsumer: 100 }

function boardOf(limits: Partial<ModelLimits> = {}, machineSlots?: number): SlotBoard {
  const models = new Map(['a', 'b'].map((model) => [model, { ...LIMITS, ...limits }]))
  return new SlotBoard({ models, machineSlots, patienceMs: 12_000 })
}

let ids = 0
function request(changes: Partial<SlotRequest> = {}): SlotRequest {
  return {
    id: ++ids,
    model: 'a',
    consumer: 'c1',
    priority: 'unsecured',
    inputTokens: 10,
    maxOutputTokens: 100,
    deadlineMs: 60_000,
    ...changes,
  }
}

/** An answer at 100 tokens a second, the first after 100 ms. */
function sample(outputTokens = 100): AnswerSample {
  return {
    inputTokens: 10,
    firstTokenMs: 100,
    decodedTokens: outputTokens,
    decodeMs: outputTokens * 10,
    outputTokens,
    whole: true,
  }
}

/** Runs one answer, so that the board knows: 100 ms, then 100 tokens at 100 a second. */
function taught(board: SlotBoard, model = 'a'): SlotBoard {
  const first = request({ model })
  assert.equal(board.place(first, 0).type, 'granted')
  board.finish(first.id, sample(), 0)
  return board
}

function refusalOf(placement: Placement): { code: string; retryAfterMs: number | undefined } {
  assert.equal(placement.type, 'refused')
  return placement.type === 'refused' ? placement.refusal : { code: '', retryAfterMs: 0 }
}

describe('whatever comes, in whatever order,', () => {
  const command = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('come' as const),
        model: fc.constantFrom('a', 'b'),
        consumer: fc.constantFrom('c1', 'c2', 'c3', 'c4'),
        priority: fc.constantFrom<Priority>('owner', 'authorized', 'unsecured'),
        inputTokens: fc.nat(5_000),
        maxOutputTokens: fc.integer({ min: 0, max: 2_000 }),
        deadlineMs: fc.integer({ min: 1, max: 100_000 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('finish' as const),
        which: fc.nat(),
        tokens: fc.nat(2_000),
        ran: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('tokens' as const), which: fc.nat() }) },
  )
  const world = fc.record({
    slots: fc.integer({ min: 1, max: 4 }),
    queueMax: fc.nat(6),
    reservedSlots: fc.nat(2),
    placesPerConsumer: fc.integer({ min: 1, max: 8 }),
    machineSlots: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    commands: fc.array(fc.tuple(command, fc.nat(3_000)), { maxLength: 120 }),
  })
  type World = typeof world extends fc.Arbitrary<infer T> ? T : never

  /** Plays a world, checks the bounds after every step, and gives the grants in their order. */
  function play({ commands, machineSlots, ...limits }: World): number[] {
    const models = new Map(['a', 'b'].map((model) => [model, limits]))
    const board = new SlotBoard({ models, machineSlots, patienceMs: 12_000 })
    const running: SlotRequest[] = []
    let waiting: SlotRequest[] = []
    const grants: number[] = []
    const granted = (entry: SlotRequest) => {
      assert.ok(!grants.includes(entry.id), 'a slot is granted once')
      const first = waiting.find(
        ({ consumer, model, priority }) =>
          consumer === entry.consumer && model === entry.model && priority === entry.priority,
      )
      assert.ok(first === undefined || first.id >= entry.id, 'first come, first served')
      grants.push(entry.id)
      running.push(entry)
      waiting = waiting.filter(({ id }) => id !== entry.id)
    }
    let now = 0
    let id = 0
    for (const [step, elapsed] of commands) {
      now += elapsed
      if (step.do === 'come') {
        const { do: _, ...facts } = step
        const next: SlotRequest = { ...facts, id: ++id }
        const placement = board.place(next, now)
        const refusals = []
        if (placement.type === 'granted') granted(next)
        else if (placement.type === 'refused') refusals.push(placement.refusal)
        else {
          assert.ok(placement.patienceMs >= 0 && placement.patienceMs <= 12_000)
          assert.ok(placement.patienceMs <= next.deadlineMs)
          waiting.push(next)
          const { displaced } = placement
          if (displaced !== undefined) {
            refusals.push(displaced.refusal)
            assert.ok(waiting.some((entry) => entry.id === displaced.id && entry.id !== next.id))
            waiting = waiting.filter((entry) => entry.id !== displaced.id)
          }
        }
        for (const { retryAfterMs, code } of refusals) {
          if (retryAfterMs === undefined) assert.equal(code, 'HANSE_DEADLINE_UNREACHABLE')
          else assert.ok(retryAfterMs >= RETRY_MIN_MS && retryAfterMs <= RETRY_MAX_MS)
        }
      } else if (step.do === 'leave') {
        const gone = waiting[step.which % Math.max(1, waiting.length)]
        if (gone !== undefined) board.leave(gone.id)
        waiting = waiting.filter((entry) => entry !== gone)
      } else {
        const one = running[step.which % Math.max(1, running.length)]
        if (one === undefined) continue
        if (step.do === 'tokens') board.progress(one.id, 10, now)
        else {
          running.splice(running.indexOf(one), 1)
          board.finish(one.id, step.ran ? sample(step.tokens) : undefined, now)
          board.finish(one.id, undefined, now)
        }
      }
      for (const entry of board.grants(now)) granted(entry)
      assert.equal(board.running, running.length, 'every slot is given back once')
      assert.ok(running.length <= (machineSlots ?? 8))
      for (const model of ['a', 'b']) {
        const of = (list: SlotRequest[]) => list.filter((entry) => entry.model === model)
        const strangers = of(running).filter(({ priority }) => priority !== 'owner').length
        assert.equal(board.busy(model), of(running).length)
        assert.equal(board.queued(model), of(waiting).length)
        assert.ok(of(running).length <= limits.slots)
        assert.ok(strangers <= Math.max(0, limits.slots - limits.reservedSlots))
        assert.ok(of(waiting).length <= limits.queueMax)
        assert.ok(board.free(model) >= 0)
        if (board.free(model) > 0) assert.equal(of(waiting).length, 0, 'nobody waits for nothing')
        for (const consumer of ['c1', 'c2', 'c3', 'c4']) {
          const own = [...of(running), ...of(waiting)].filter(
            (entry) => entry.consumer === consumer && entry.priority !== 'owner',
          )
          const all = [...of(running), ...of(waiting)].filter((e) => e.consumer === consumer)
          if (own.length === all.length) assert.ok(own.length <= limits.placesPerConsumer)
        }
      }
    }
    return grants
  }

  test('slots, queue and shares stay within their bounds, and nobody is passed within a flow', () => {
    fc.assert(
      fc.property(world, (plan) => void play(plan)),
      { numRuns: 500 },
    )
  })

  test('the same events give the same grants', () => {
    fc.assert(
      fc.property(world, (plan) => assert.deepEqual(play(plan), play(plan))),
      { numRuns: 100 },
    )
  })

  test('nobody is passed over for ever: of those first in line, each has its turn within a bound', () => {
    const arrivals = fc.array(
      fc.record({
        consumer: fc.integer({ min: 0, max: 200 }).map((n) => `c${n}`),
        priority: fc.constantFrom<Priority>('authorized', 'unsecured'),
        maxOutputTokens: fc.integer({ min: 1, max: 500 }),
      }),
      { minLength: 60, maxLength: 150 },
    )
    const queueMax = 10
    fc.assert(
      fc.property(arrivals, (plan) => {
        const board = boardOf({ slots: 1, queueMax })
        const victim = request({ consumer: 'greedy', inputTokens: 100_000 })
        const running = request({ consumer: 'greedy' })
        board.place(running, 0)
        assert.equal(board.place(victim, 0).type, 'queued')
        // It was served so much that everybody else has a better claim.
        board.progress(running.id, 1_000_000, 0)
        board.finish(running.id, { ...sample(), whole: false }, 0)
        const first = request({ consumer: 'first', priority: 'authorized' })
        assert.equal(board.place(first, 0).type, 'granted')
        let current = first.id
        let passed = 1
        for (const next of plan) {
          board.place(request(next), 0)
          board.finish(current, undefined, 0)
          const [granted] = board.grants(0)
          assert.ok(granted !== undefined)
          current = granted.id
          if (current === victim.id) break
          passed++
        }
        // Those before it may be as starved as it is: at most one of each that waits.
        assert.ok(passed <= OVERTAKEN_MAX + queueMax, `${passed} came first`)
        assert.equal(current, victim.id)
      }),
      { numRuns: 200 },
    )
  })
})

describe('between consumers', () => {
  test('one with a hundred requests does not hold up one with a single request', () => {
    const board = boardOf({ slots: 1, queueMax: 100, placesPerConsumer: 101 })
    const greedy = Array.from({ length: 100 }, () => request({ consumer: 'greedy' }))
    for (const entry of greedy) assert.notEqual(board.place(entry, 0).type, 'refused')
    const modest = request({ consumer: 'modest' })
    assert.equal(board.place(modest, 1).type, 'queued')
    board.finish(greedy[0]?.id ?? 0, sample(), 2)
    assert.deepEqual(
      board.grants(2).map(({ consumer }) => consumer),
      ['modest'],
    )
  })

  test('two that always wait get equal tokens, however long their answers are', () => {
    const board = boardOf({ slots: 1, queueMax: 4 })
    const lengths = { long: 900, short: 100 } as const
    const tokens = { long: 0, short: 0 }
    const add = (consumer: 'long' | 'short') => board.place(request({ consumer }), 0)
    add('long')
    let running = { id: ids, consumer: 'long' as 'long' | 'short' }
    add('long')
    add('short')
    for (let i = 0; i < 300; i++) {
      board.progress(running.id, lengths[running.consumer], 0)
      tokens[running.consumer] += lengths[running.consumer]
      board.finish(running.id, sample(lengths[running.consumer]), 0)
      const [next] = board.grants(0)
      assert.ok(next !== undefined)
      running = { id: next.id, consumer: next.consumer === 'long' ? 'long' : 'short' }
      add(running.consumer)
    }
    const ratio = tokens.long / tokens.short
    assert.ok(ratio > 0.8 && ratio < 1.6, `${tokens.long} to ${tokens.short}`)
  })

  test('a full queue makes room for who holds less of it', () => {
    const board = boardOf({ slots: 1, queueMax: 3 })
    for (let i = 0; i < 4; i++) board.place(request({ consumer: 'greedy' }), 0)
    const last = ids
    const placed = board.place(request({ consumer: 'modest' }), 0)
    assert.ok(placed.type === 'queued' && placed.displaced?.id === last)
    assert.equal(board.queued('a'), 3)
    assert.equal(refusalOf(board.place(request({ consumer: 'greedy' }), 0)).code, 'HANSE_CAPACITY')
  })

  test('none holds more than its places', () => {
    const board = boardOf({ placesPerConsumer: 3 })
    const placed = Array.from({ length: 4 }, () => board.place(request(), 0).type)
    assert.deepEqual(placed, ['granted', 'granted', 'queued', 'refused'])
    assert.equal(board.place(request({ consumer: 'c2' }), 0).type, 'queued')
  })
})

describe('the owner', () => {
  const owner = { consumer: 'me', priority: 'owner' as const }

  test('goes before everybody, and finds room in a full queue', () => {
    const board = boardOf({ slots: 1, queueMax: 1 })
    const running = request()
    board.place(running, 0)
    board.place(request({ consumer: 'c2', priority: 'authorized' }), 0)
    const placed = board.place(request(owner), 0)
    assert.ok(placed.type === 'queued' && placed.displaced !== undefined)
    board.finish(running.id, undefined, 0)
    assert.equal(board.grants(0)[0]?.consumer, 'me')
  })

  test('finds a reserved slot free, which nobody else gets or is offered', () => {
    const board = boardOf({ slots: 2, reservedSlots: 1 })
    assert.equal(board.free('a'), 1)
    assert.equal(board.place(request(), 0).type, 'granted')
    assert.equal(board.free('a'), 0)
    assert.equal(board.place(request(), 0).type, 'queued')
    assert.equal(board.place(request(owner), 0).type, 'granted')
  })

  test('who is in, an order under an authorization goes before one on credit', () => {
    const board = boardOf({ slots: 1 })
    const running = request()
    board.place(running, 0)
    board.place(request({ consumer: 'c2' }), 0)
    board.place(request({ consumer: 'c3', priority: 'authorized' }), 0)
    board.finish(running.id, undefined, 0)
    assert.equal(board.grants(0)[0]?.consumer, 'c3')
  })
})

describe('models on one GPU', () => {
  test('share its slots', () => {
    const board = boardOf({ slots: 2 }, 3)
    const placed = ['a', 'a', 'b', 'b'].map((model) => board.place(request({ model }), 0).type)
    assert.deepEqual(placed, ['granted', 'granted', 'granted', 'queued'])
    assert.equal(board.free('b'), 0)
  })
})

describe('what cannot be done in time', () => {
  test('is taken while nothing is known of the speed', () => {
    assert.equal(boardOf().place(request({ deadlineMs: 1 }), 0).type, 'granted')
  })

  test('is refused at once, without a promise that waiting helps', () => {
    // 100 ms to the first token, and 100 tokens at 100 a second.
    const refusal = refusalOf(taught(boardOf()).place(request({ deadlineMs: 1_099 }), 0))
    assert.equal(refusal.code, 'HANSE_DEADLINE_UNREACHABLE')
    assert.equal(refusal.retryAfterMs, undefined)
    assert.equal(taught(boardOf()).place(request({ deadlineMs: 1_101 }), 0).type, 'granted')
  })

  test('for the queue is told when the queue is short enough', () => {
    const board = taught(boardOf({ slots: 1 }))
    board.place(request(), 0)
    board.place(request({ consumer: 'c2' }), 0)
    // Two answers of 1.1 s are ahead, and it takes 1.1 s itself.
    const late = board.place(request({ consumer: 'c3', deadlineMs: 2_500 }), 0)
    assert.deepEqual(
      [refusalOf(late).code, refusalOf(late).retryAfterMs],
      ['HANSE_DEADLINE_UNREACHABLE', 800],
    )
    const ok = board.place(request({ consumer: 'c3', deadlineMs: 3_400 }), 0)
    assert.ok(ok.type === 'queued')
    assert.ok(Math.abs(ok.patienceMs - 2_300) < 1, `${ok.patienceMs}`)
  })

  test('and would wait longer than its consumer does is refused until a slot is expected', () => {
    const board = boardOf({ slots: 1, queueMax: 100 })
    const first = request()
    board.place(first, 0)
    board.finish(first.id, sample(5_000), 0)
    board.place(request({ maxOutputTokens: 5_000 }), 0)
    const { code, retryAfterMs } = refusalOf(board.place(request({ consumer: 'c2' }), 0))
    assert.deepEqual([code, retryAfterMs], ['HANSE_CAPACITY', 50_100])
  })

  test('is refused with the time in which a slot frees when the queue is full', () => {
    const board = taught(boardOf({ slots: 1, queueMax: 0 }))
    const running = request()
    board.place(running, 0)
    assert.equal(refusalOf(board.place(request(), 0)).retryAfterMs, 1_100)
    board.progress(running.id, 60, 700)
    assert.equal(refusalOf(board.place(request(), 700)).retryAfterMs, 400)
  })
})
