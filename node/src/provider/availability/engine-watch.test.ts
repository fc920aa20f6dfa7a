import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { Engine, EngineHealth } from '../../engine/index.ts'
import { EngineWatch } from './engine-watch.ts'

/** An engine whose health the test decides. */
function engineOf(health: { now: EngineHealth }): Engine {
  return {
    name: 'scripted',
    models: async () => [],
    health: async () => health.now,
    async *run() {},
    [Symbol.asyncDispose]: async () => {},
  }
}

const UP: EngineHealth = { ready: true, message: '', models: [{ id: 'm', state: 'loaded' }] }
const DOWN: EngineHealth = { ready: false, message: 'no answer', models: [] }

function watched(health: { now: EngineHealth }, everyMs = 5) {
  const engine = engineOf(health)
  let changes = 0
  let changed = Promise.withResolvers<void>()
  const watch = new EngineWatch({
    engines: [engine],
    everyMs,
    onChange: () => {
      changes++
      changed.resolve()
      changed = Promise.withResolvers()
    },
  })
  watch.start()
  return { engine, watch, next: async () => await changed.promise, changes: () => changes }
}

describe('a watched engine', () => {
  test('is counted on until it has failed twice, and again once it answers', async () => {
    const health = { now: UP }
    const { engine, watch, next, changes } = watched(health)
    await using _ = watch
    assert.equal(watch.runs(engine, 'm'), true)
    health.now = DOWN
    await next()
    assert.deepEqual([watch.runs(engine, 'm'), watch.down()], [false, ['scripted']])
    health.now = UP
    await next()
    assert.deepEqual([watch.runs(engine, 'm'), watch.down(), changes()], [true, [], 2])
  })

  test('of which one model is broken still runs the others', async () => {
    const health = { now: UP }
    const { engine, watch, next } = watched(health)
    await using _ = watch
    health.now = {
      ...UP,
      models: [
        { id: 'm', state: 'failed' },
        { id: 'n', state: 'loaded' },
      ],
    }
    await next()
    assert.deepEqual([watch.runs(engine, 'm'), watch.runs(engine, 'n')], [false, true])
    assert.deepEqual(watch.down(), [])
  })

  test('that has failed is looked at again soon, however seldom it is looked at else', async () => {
    const health = { now: DOWN }
    const { engine, watch, next } = watched(health, 3_600_000)
    await using _ = watch
    watch.wake()
    await next()
    assert.equal(watch.runs(engine, 'm'), false)
    health.now = UP
    await next()
    assert.equal(watch.runs(engine, 'm'), true)
  })

  test('that keeps well is not talked about', async () => {
    const { watch, changes } = watched({ now: UP })
    await new Promise((resolve) => setTimeout(resolve, 60))
    await watch[Symbol.asyncDispose]()
    assert.equal(changes(), 0)
  })
})
