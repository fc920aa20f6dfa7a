import { describe, expect, test } from 'vitest'
import { TRUE_CLOCK } from './clock.ts'
import { Host } from './host.ts'
import { Kernel } from './kernel.ts'
import type { LinkQuality, Partition } from './links.ts'
import { Network, NO_STREAM_FAULTS } from './network.ts'
import type { StreamEnd, StreamFaults } from './stream.ts'

const GOOD: LinkQuality = { latencyMs: 10, jitterMs: 5, loss: 0, duplication: 0 }

interface Options {
  readonly seed?: string
  readonly quality?: Partial<LinkQuality>
  readonly partitions?: readonly Partition[]
  readonly faults?: Partial<StreamFaults>
}

/** Two hosts; `a` opens a stream, over which it sends the numbers from 0. */
function pair({ seed = 'net', quality, partitions = [], faults }: Options = {}) {
  const kernel = new Kernel(seed)
  const network = new Network(kernel, {
    quality: { ...GOOD, ...quality },
    partitions,
    faults: () => ({ ...NO_STREAM_FAULTS, ...faults }),
  })
  const [a, b] = ['a', 'b'].map(
    (name) => new Host(kernel, { name, clock: TRUE_CLOCK, epoch: 0 }),
  ) as [Host, Host]
  for (const host of [a, b]) host.start(() => {})
  return { kernel, network, a, b }
}

function numbers(options: Options, count = 200) {
  const { kernel, network, a, b } = pair(options)
  const got: number[] = []
  const closed: string[] = []
  network.listen(b, (end) => {
    end.onFrame = ([n]) => got.push(n ?? -1)
    end.onClosed = () => closed.push('b')
  })
  let mine: StreamEnd | undefined
  network.connect(a, b, (end) => {
    mine = end
    if (end === undefined) return
    end.onClosed = () => closed.push('a')
    for (let n = 0; n < count; n++) end.send(Uint8Array.of(n))
  })
  kernel.runUntil(1_000)
  return { kernel, got, closed, a, b, end: mine }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('a stream', () => {
  test('brings everything in order, however much is lost on the way', () => {
    expect(numbers({ quality: { jitterMs: 80 } }).got).toEqual(upTo(200))
    const lossy = numbers({ seed: 'lossy', quality: { loss: 0.05 } })
    lossy.kernel.runUntil(60_000)
    expect(lossy.got).toEqual(upTo(200))
  })

  test('that is cut tells both sides, or at first only one', () => {
    const cut = numbers({ faults: { cutAfter: 20 } })
    expect(cut.got.length).toBeLessThanOrEqual(20)
    expect(cut.closed.toSorted()).toEqual(['a', 'b'])
    const half = numbers({ faults: { cutAfter: 20, halfOpen: true } })
    expect(half.closed).toHaveLength(1)
    half.kernel.runUntil(60_000)
    expect(half.closed.toSorted()).toEqual(['a', 'b'])
  })

  test('over a broken transport loses, repeats and reorders', () => {
    const count = (faults: Partial<StreamFaults>) => numbers({ faults }).got
    expect(count({ drop: 0.3 }).length).toBeLessThan(180)
    expect(count({ repeat: 0.3 }).length).toBeGreaterThan(220)
    const reordered = count({ reorder: 0.3 })
    expect(reordered).not.toEqual(upTo(200))
    expect(reordered.toSorted((x, y) => x - y)).toEqual(upTo(200))
    expect(count({ flip: 0.3 }).filter((n, i) => n !== i).length).toBeGreaterThan(20)
  })

  test('ends for the peer of a host that crashes', () => {
    const { kernel, closed, a, end } = numbers({})
    a.planCrash(0, 'kill', 10_000)
    a.enter(() => a.point())
    kernel.runUntil(3_000)
    expect(closed).toEqual(['b'])
    expect(end?.done).toBe(true)
  })
})

describe('a call', () => {
  const calls = (options: Options, count = 400) => {
    const { kernel, network, a, b } = pair(options)
    let served = 0
    let answered = 0
    for (let i = 0; i < count; i++) {
      network.call(
        a,
        b,
        () => ({ n: served++ }),
        1_000,
        (reply) => {
          if (reply !== undefined) answered++
        },
      )
    }
    kernel.runUntil(5_000)
    return { served, answered }
  }

  test('is served and answered once on a good link', () => {
    expect(calls({})).toEqual({ served: 400, answered: 400 })
  })

  test('may lose its request or its reply, and be served twice', () => {
    const { served, answered } = calls({ quality: { loss: 0.3, duplication: 0.3 } })
    expect(answered).toBeLessThan(400)
    expect(served).toBeGreaterThan(answered)
  })

  test('does not cross a partition', () => {
    const partitions = [{ a: 'b', b: '*', from: 0, to: 500 }]
    expect(calls({ partitions })).toEqual({ served: 0, answered: 0 })
  })
})
