import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Gpu, GpuReading } from '../../machine/machine.ts'
import { GpuGuard, type GuardFacts } from './gpu-guard.ts'

const GPU: Gpu = { id: 'nvidia:0', vendor: 'nvidia', name: 'X', vramBytes: 10_000, driver: null }
const options = {
  pauseAboveBusy: 0.6,
  pauseAboveCelsius: 88,
  resumeBelowCelsius: 80,
  pauseAboveOthersVram: 0.5,
  readings: 3,
}
const idle: GuardFacts = { working: false, ownProcesses: new Set([1]), gpus: [GPU] }

function reading(changes: Partial<GpuReading> = {}): GpuReading {
  return {
    id: GPU.id,
    utilization: 0,
    temperatureCelsius: 40,
    vramUsedBytes: 0,
    powerWatts: null,
    processes: [],
    ...changes,
  }
}

function reasonsAfter(
  guard: GpuGuard,
  times: number,
  changes: Partial<GpuReading>,
  facts: Partial<GuardFacts> = {},
): string[] {
  for (let i = 0; i < times; i++) guard.observe([reading(changes)], { ...idle, ...facts })
  return guard.reasons
}

describe('the guard of a GPU', () => {
  test('pauses when it is too hot for some readings, and resumes when it has cooled', () => {
    const guard = new GpuGuard(options)
    assert.deepEqual(reasonsAfter(guard, 2, { temperatureCelsius: 91 }), [])
    assert.deepEqual(reasonsAfter(guard, 1, { temperatureCelsius: 87 }), [])
    assert.deepEqual(reasonsAfter(guard, 3, { temperatureCelsius: 91 }), ['nvidia:0 is at 91 °C'])
    assert.equal(reasonsAfter(guard, 10, { temperatureCelsius: 85 }).length, 1, 'between the two')
    assert.equal(reasonsAfter(guard, 10, { temperatureCelsius: null }).length, 1, 'nothing known')
    assert.equal(reasonsAfter(guard, 3, { temperatureCelsius: 79 }).length, 0)
  })

  test('pauses for a game, but not for its own answers', () => {
    const guard = new GpuGuard(options)
    assert.deepEqual(reasonsAfter(guard, 10, { utilization: 1 }, { working: true }), [])
    assert.match(
      reasonsAfter(guard, 3, { utilization: 0.9 })[0] ?? '',
      /busy with something else \(90 %\)/u,
    )
    assert.equal(reasonsAfter(guard, 9, { utilization: 0.4 }).length, 1)
    assert.equal(reasonsAfter(guard, 3, { utilization: 0.1 }).length, 0)
  })

  test('pauses when others hold its memory, which it can tell only when it knows its own', () => {
    const processes = [
      { pid: 1, vramBytes: 9_000 },
      { pid: 2, vramBytes: 6_000 },
    ]
    assert.match(
      reasonsAfter(new GpuGuard(options), 3, { processes })[0] ?? '',
      /others hold 60 %/u,
    )
    const unknown = reasonsAfter(
      new GpuGuard(options),
      9,
      { processes },
      { ownProcesses: undefined },
    )
    assert.deepEqual(unknown, [])
    const own = reasonsAfter(
      new GpuGuard(options),
      9,
      { processes },
      { ownProcesses: new Set([1, 2]) },
    )
    assert.deepEqual(own, [])
  })

  test('looks at nothing that is turned off', () => {
    const off = new GpuGuard({
      ...options,
      pauseAboveBusy: undefined,
      pauseAboveCelsius: undefined,
      pauseAboveOthersVram: undefined,
    })
    const processes = [{ pid: 2, vramBytes: 9_999 }]
    assert.deepEqual(
      reasonsAfter(off, 9, { temperatureCelsius: 120, utilization: 1, processes }),
      [],
    )
  })

  test('lets go of a GPU that is gone', () => {
    const guard = new GpuGuard(options)
    reasonsAfter(guard, 3, { temperatureCelsius: 91 })
    guard.observe([], idle)
    assert.deepEqual(guard.reasons, [])
  })

  test('changes its mind only after as many readings as it needs, whatever they say', () => {
    const readings = fc.array(
      fc.record({
        temperatureCelsius: fc.option(fc.integer({ min: 20, max: 110 })),
        utilization: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      }),
      { maxLength: 80 },
    )
    fc.assert(
      fc.property(readings, (all) => {
        const guard = new GpuGuard({ ...options, pauseAboveBusy: undefined })
        let streak = 0
        let hot = false
        for (const one of all) {
          const { temperatureCelsius: t } = one
          guard.observe([reading(one)], idle)
          if (t !== null) streak = (hot ? t < 80 : t > 88) ? streak + 1 : 0
          if (streak === 3) {
            hot = !hot
            streak = 0
          }
          assert.equal(guard.reasons.length > 0, hot)
        }
      }),
    )
  })
})
