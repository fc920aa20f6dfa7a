import assert from 'node:assert/strict'
import { HanseError, type MatchedOffer, picoEuro } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { BREAKER_LIMITS } from './breaker.ts'
import { type Routable, type Routed, Router } from './router.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './settings.ts'
import { candidate, MODEL, NOW, nameOf, routed } from './testing/candidates.ts'

type Candidate = MatchedOffer<Routable>

/** A router at a time that the test sets, without chance where it does not ask for it. */
function makeRouter(settings: Partial<RoutingSettings> = {}, random: () => number = () => 0) {
  const clock = { now: NOW }
  const router = new Router<Routable>({
    settings: { ...ROUTING_DEFAULTS, exploreShare: 0, ...settings },
    now: () => clock.now,
    random,
    salt: new Uint8Array(32),
  })
  /** So many answers of this kind, one after the other. */
  const answers = (
    of: Candidate,
    times: number,
    { firstMs = 500, tokenMs = 20, ok = true } = {},
  ) => {
    for (let i = 0; i < times; i++) {
      const attempt = router.attempt(of, routed())
      clock.now += firstMs
      if (ok) attempt.firstToken()
      clock.now += 100 * tokenMs
      if (ok) attempt.ended({ code: undefined, cancelled: false, outputTokens: 101 })
      else attempt.failed(new HanseError('HANSE_ENGINE_FAILED', 'it broke'), true, false)
    }
  }
  const first = (candidates: readonly Candidate[], request: Routed = routed()) => {
    const next = router.plan(candidates, request).next()
    return next === undefined ? undefined : nameOf(next)
  }
  return { router, clock, answers, first }
}

const price = (output: bigint) => ({
  inputPrice: picoEuro(output / 2n),
  outputPrice: picoEuro(output),
})

describe('the best provider', () => {
  test('is the cheaper of two that are alike', () => {
    const { first } = makeRouter()
    assert.equal(first([candidate('dear', price(300n)), candidate('cheap', price(200n))]), 'cheap')
  })

  test('is the faster of two that cost the same, as they say and then as measured', () => {
    const { first, answers } = makeRouter()
    const [boaster, honest] = [
      candidate('boaster', { tokensPerSecond: 200 }),
      candidate('honest', { tokensPerSecond: 40 }),
    ]
    assert.equal(first([honest, boaster]), 'boaster')
    answers(boaster, 3, { tokenMs: 200 })
    answers(honest, 3, { tokenMs: 20 })
    assert.equal(first([honest, boaster]), 'honest')
  })

  test.each([
    ['price', 'cheap'],
    ['throughput', 'fast'],
    ['latency', 'prompt'],
  ] as const)('sorted by %s is the %s one', (sort, name) => {
    const { first, answers } = makeRouter()
    const cheap = candidate('cheap', price(100_000n))
    const fast = candidate('fast', price(300_000n))
    const prompt = candidate('prompt', price(300_000n))
    answers(cheap, 10, { firstMs: 3_000, tokenMs: 100 })
    answers(fast, 10, { firstMs: 3_000, tokenMs: 5 })
    answers(prompt, 10, { firstMs: 100, tokenMs: 100 })
    assert.equal(first([cheap, fast, prompt], routed({ policy: { sort } })), name)
    const { first: byDefault } = makeRouter({ sort })
    assert.notEqual(byDefault([cheap, fast, prompt]), undefined)
  })

  test('is not one that fails often', () => {
    const { first, answers } = makeRouter()
    const [flaky, sound] = [
      candidate('flaky', price(100_000n)),
      candidate('sound', price(150_000n)),
    ]
    answers(sound, 4)
    for (let i = 0; i < 4; i++) {
      answers(flaky, 1)
      answers(flaky, 1, { ok: false })
    }
    assert.equal(first([flaky, sound]), 'sound')
  })

  test('is not one whose slots are taken, by others or by this node', () => {
    const { router, clock, first } = makeRouter()
    const [full, free] = [
      candidate('full', { ...price(100_000n), freeSlots: 0 }),
      candidate('free', price(200_000n), { fetchedAt: NOW }),
    ]
    assert.equal(first([full, free]), 'free')
    const other = candidate('other', price(400_000n))
    clock.now += 1
    const attempts = [1, 2, 3, 4].map(() => router.attempt(free, routed()))
    assert.equal(first([free, other]), 'other')
    for (const attempt of attempts)
      attempt.ended({ code: 'HANSE_SESSION_CANCELLED', cancelled: true, outputTokens: 0 })
    assert.equal(first([free, other]), 'free')
  })

  test('has what the request needs, where others do not say that they have it', () => {
    const { first } = makeRouter()
    const plain = candidate('plain', price(100_000n))
    const seeing = candidate('seeing', { ...price(300_000n), capabilities: ['chat', 'vision'] })
    const short = candidate('short', { ...price(100_000n), contextLength: 600 })
    const { traits } = routed()
    const looks = routed({ traits: { ...traits, features: ['vision'] } })
    assert.equal(first([plain, seeing], looks), 'seeing')
    assert.equal(first([plain], looks), 'plain')
    assert.equal(first([short, seeing]), 'seeing')
  })

  test('is the one with more evidence of two that are alike', () => {
    const { first } = makeRouter()
    const [weak, strong] = [
      candidate('weak', {}, { evidenceLevel: 1 }),
      candidate('strong', {}, { evidenceLevel: 4 }),
    ]
    assert.equal(first([weak, strong]), 'strong')
  })

  test('of a free market is the fastest', () => {
    const { first } = makeRouter()
    const [slow, fast] = [
      candidate('slow', { ...price(0n), tokensPerSecond: 10 }),
      candidate('fast', { ...price(0n), tokensPerSecond: 80 }),
    ]
    assert.equal(first([slow, fast, candidate('paid')]), 'fast')
  })

  test('is not the same for all when several are alike', () => {
    let turn = 0
    const { first } = makeRouter({}, () => (turn++ % 7) / 7)
    const alike = ['a', 'b', 'c', 'd'].map((name) => candidate(name))
    const chosen = new Set(Array.from({ length: 40 }, () => first(alike)))
    assert.ok(chosen.size > 1)
  })
})

describe('a request says', () => {
  const all = ['a', 'b', 'c', 'd'].map((name, i) => candidate(name, price(BigInt(100 * (i + 1)))))
  const names = (request: Routed) => {
    const plan = makeRouter({ exploreShare: 1 }).router.plan(all, request)
    return Array.from({ length: 4 }, () => plan.next()).map((next) => next && nameOf(next))
  }

  test('whom to ask first, and the others follow', () => {
    assert.deepEqual(names(routed({ policy: { order: ['d', 'zz', 'c'] } })), ['d', 'c', 'a', 'b'])
  })

  test('nothing: the best come in their order, no more than the setting says', () => {
    assert.deepEqual(names(routed()), ['a', 'b', 'c', 'd'])
    const plan = makeRouter({ retriesMax: 1 }).router.plan(all, routed())
    assert.deepEqual(
      [plan.next(), plan.next(), plan.next()].map((next) => next && nameOf(next)),
      ['a', 'b', undefined],
    )
    assert.equal(plan.hasNext, false)
  })
})

describe('providers that failed', () => {
  test('are not asked until their time has come, and then once', () => {
    const { router, clock, first, answers } = makeRouter()
    const [dead, other] = [candidate('dead', price(100n)), candidate('other', price(900n))]
    answers(dead, BREAKER_LIMITS.failuresInRow, { ok: false })
    assert.equal(first([dead, other]), 'other')
    clock.now += BREAKER_LIMITS.backoffMs * 2
    const states = () => router.breaker('dead').state(clock.now)
    assert.equal(states(), 'trial-due')
    const trial = router.attempt(dead, routed())
    assert.equal(states(), 'on-trial')
    assert.equal(first([dead, other]), 'other')
    trial.firstToken()
    assert.equal(states(), 'closed')
  })

  test('are asked when nobody else is left', () => {
    const { answers, first } = makeRouter()
    const failing = candidate('failing')
    answers(failing, BREAKER_LIMITS.failuresInRow, { ok: false })
    assert.equal(first([failing]), 'failing')
  })

  test('that could not be reached are asked, without anybody else, once they have shown that they are there', () => {
    const { clock, first, router } = makeRouter()
    const dead = candidate('dead')
    const unreachable = new HanseError('HANSE_PROVIDER_UNREACHABLE', 'away')
    assert.equal(router.attempt(dead, routed()).failed(unreachable, false, false), 'failed')
    assert.throws(
      () => router.plan([dead], routed()),
      (error) =>
        error instanceof HanseError &&
        error.code === 'HANSE_NO_PROVIDER' &&
        (error.retryAfterMs ?? 0) > 0,
    )
    clock.now += 1
    assert.equal(first([candidate('dead', {}, { fetchedAt: clock.now })]), 'dead')
  })

  test('that are only busy are left alone, and the client is told for how long', () => {
    const { router, clock, first } = makeRouter()
    const [busy, other] = [candidate('busy', price(100n)), candidate('other', price(900n))]
    const decline = (of: Candidate, retryAfterMs: number) =>
      router
        .attempt(of, routed())
        .failed(new HanseError('HANSE_CAPACITY', 'busy', { retryAfterMs }), true, false)
    assert.equal(decline(busy, 2_000), 'declined')
    assert.equal(first([busy, other]), 'other')
    decline(other, 5_000)
    assert.throws(
      () => router.plan([busy, other], routed()),
      (error) =>
        error instanceof HanseError &&
        error.code === 'HANSE_CAPACITY' &&
        error.retryAfterMs === 2_000,
    )
    clock.now += 2_000
    assert.equal(first([busy, other]), 'busy')
    assert.equal(router.score([busy], routed())[0]?.parts.errorRate, 0.02)
  })

  test('a request that is at fault is held against nobody, however often it comes', () => {
    const { router, first } = makeRouter()
    const provider = candidate('a')
    for (let i = 0; i < 50; i++) {
      const refused = new HanseError('HANSE_ENGINE_REFUSED', 'no')
      assert.equal(router.attempt(provider, routed()).failed(refused, true, false), 'request')
    }
    assert.equal(first([provider]), 'a')
    assert.equal(router.score([provider], routed())[0]?.parts.errorRate, 0.02)
    assert.equal(router.runningAt('a'), 0)
  })

  test('what goes wrong on this side is held against nobody', () => {
    const { router } = makeRouter()
    const attempt = router.attempt(candidate('a'), routed())
    const fault = new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'away')
    assert.equal(attempt.failed(fault, false, false), 'own')
    assert.equal(router.breaker('a').state(NOW), 'closed')
    const cancelled = router.attempt(candidate('a'), routed())
    const unreachable = new HanseError('HANSE_PROVIDER_UNREACHABLE', 'the connection was given up')
    assert.equal(cancelled.failed(unreachable, false, true), 'own')
    assert.equal(router.breaker('a').state(NOW), 'closed')
  })

  test('each order counts once', () => {
    const { router, clock } = makeRouter()
    const attempt = router.attempt(candidate('a'), routed())
    attempt.firstToken()
    const cut = new HanseError('HANSE_SESSION_CUT', 'cut')
    attempt.ended({ code: cut.code, cancelled: false, outputTokens: 3 })
    attempt.ended({ code: cut.code, cancelled: false, outputTokens: 3 })
    attempt.failed(cut, true, false)
    attempt.lost(0)
    const { failures } = router.measurements.recordOf('a', MODEL)
    assert.deepEqual(failures, { mean: 1, weight: 1, at: clock.now })
  })
})

describe('a conversation', () => {
  const talk = (affinity: string) => routed({ policy: { affinity } })

  test('stays with who served it last, while that is not much worse and caches last', () => {
    const { router, clock, first } = makeRouter()
    const [cheap, usual, dear] = [
      candidate('cheap', price(200_000n)),
      candidate('usual', price(240_000n)),
      candidate('dear', price(900_000n)),
    ]
    const all = [cheap, usual, dear]
    assert.equal(first(all, talk('one')), 'cheap')
    router.served(usual, talk('one'))
    router.served(dear, talk('two'))
    assert.equal(first(all, talk('one')), 'usual')
    assert.equal(first(all, talk('two')), 'cheap')
    assert.equal(first(all), 'cheap')
    clock.now += ROUTING_DEFAULTS.affinityMs + 1
    assert.equal(first(all, talk('one')), 'cheap')
  })

  test('is known by how it begins, and not at all where the setting says so', () => {
    const { traits } = routed()
    const begins = routed({ traits: { ...traits, beginning: 'system and first question' } })
    const [cheap, usual] = [
      candidate('cheap', price(200_000n)),
      candidate('usual', price(240_000n)),
    ]
    for (const [affinityMs, expected] of [
      [60_000, 'usual'],
      [0, 'cheap'],
    ] as const) {
      const { router, first } = makeRouter({ affinityMs })
      router.served(usual, begins)
      assert.equal(first([cheap, usual], begins), expected)
    }
  })

  test('that goes on elsewhere is not bound to who has failed it', () => {
    const { router, first } = makeRouter()
    const [cheap, usual] = [
      candidate('cheap', price(200_000n)),
      candidate('usual', price(240_000n)),
    ]
    router.served(usual, talk('one'))
    assert.equal(first([cheap, usual], { ...talk('one'), continues: true }), 'cheap')
  })
})

describe('strangers', () => {
  const known = candidate('known', price(200_000n))
  const strangers = ['s1', 's2', 's3'].map((name) => candidate(name, price(210_000n)))

  test('are asked first by no more than their share of the requests, and never where the request rules it out', () => {
    const share = fc.double({ min: 0, max: 0.5, noNaN: true })
    const kinds = fc.array(
      fc.constantFrom<Partial<Routed>>(
        {},
        { continues: true },
        { policy: { only: ['known', 's1', 's2', 's3'] } },
        { policy: { order: ['known'] } },
      ),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(
        share,
        kinds,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (exploreShare, requests, chance) => {
          const { router, answers } = makeRouter({ exploreShare }, () => chance.next().value ?? 0)
          answers(known, 5, { firstMs: 1, tokenMs: 1 })
          let explored = 0
          requests.forEach((request, i) => {
            const plan = router.plan([known, ...strangers], routed(request))
            if (plan.choice !== 'explored') return
            explored++
            assert.deepEqual(request, {})
            assert.ok(explored <= exploreShare * (i + 1) + 1e-6)
            assert.notEqual(nameOf(plan.ranked[0] ?? known), 'known')
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  test('are got to know even where the best is far better than strangers usually are', () => {
    const { router, answers } = makeRouter({ exploreShare: 0.5 })
    answers(known, 5, { firstMs: 1, tokenMs: 1 })
    const choices = Array.from({ length: 20 }, () => router.plan([known, ...strangers], routed()))
    assert.equal(choices.filter(({ choice }) => choice === 'explored').length, 10)
  })

  test('that cannot become the best are not worth asking', () => {
    const { router, answers } = makeRouter({ exploreShare: 0.5 })
    answers(known, 5, { firstMs: 1, tokenMs: 1 })
    const dear = candidate('dear', price(9_000_000n))
    for (let i = 0; i < 20; i++) assert.equal(router.plan([known, dear], routed()).choice, 'best')
  })
})

test('whatever was learned: nobody is asked who is no candidate, and everybody at most once', () => {
  const event = fc.record({
    who: fc.nat(5),
    what: fc.constantFrom('ok', 'failed', 'busy', 'refused', 'unreachable', 'lost'),
    after: fc.nat(20_000),
  })
  const CODES = {
    failed: 'HANSE_ENGINE_FAILED',
    busy: 'HANSE_CAPACITY',
    refused: 'HANSE_ENGINE_REFUSED',
    unreachable: 'HANSE_PROVIDER_UNREACHABLE',
  } as const
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 60 }),
      fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (events, within, chance) => {
        const { router, clock } = makeRouter(
          { exploreShare: 0.5, hedge: true },
          () => chance.next().value ?? 0,
        )
        const all = Array.from({ length: 6 }, (_, i) => candidate(`p${i}`, price(BigInt(100 + i))))
        for (const { who, what, after } of events) {
          const asked = all[who]
          if (asked === undefined) continue
          const attempt = router.attempt(asked, routed())
          clock.now += after
          if (what === 'ok') {
            attempt.firstToken()
            attempt.ended({ code: undefined, cancelled: false, outputTokens: 50 })
          } else if (what === 'lost') attempt.lost(10_000)
          else attempt.failed(new HanseError(CODES[what], 'fault'), true, false)
        }
        const candidates = within.flatMap((i) => all[i] ?? [])
        try {
          const plan = router.plan(candidates, routed())
          const asked: string[] = []
          for (let next = plan.next(); next !== undefined; next = plan.next())
            asked.push(nameOf(next))
          assert.ok(asked.length >= 1 && asked.length <= 1 + ROUTING_DEFAULTS.retriesMax)
          assert.equal(new Set(asked).size, asked.length)
          for (const name of asked) assert.ok(candidates.some((one) => nameOf(one) === name))
        } catch (error) {
          assert.ok(error instanceof HanseError)
          assert.ok(['HANSE_NO_PROVIDER', 'HANSE_CAPACITY'].includes(error.code))
          assert.ok((error.retryAfterMs ?? -1) >= 0)
        }
      },
    ),
  )
})
