import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { InOrder } from './in-order.ts'

function recorder() {
  const taken: string[] = []
  const faults: unknown[] = []
  const inOrder = new InOrder((fault) => faults.push(fault))
  const take = (name: string, done?: Promise<void>) =>
    inOrder.take(() => {
      taken.push(name)
      return done
    })
  return { taken, faults, take, inOrder }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('steps in order', () => {
  test('are taken at once while none of them waits', () => {
    const { taken, take } = recorder()
    take('one')
    take('two')
    assert.deepEqual(taken, ['one', 'two'])
  })

  test('wait behind one that waits, and behind the next that does', async () => {
    const { taken, take } = recorder()
    const first = Promise.withResolvers<void>()
    const second = Promise.withResolvers<void>()
    take('save', first.promise)
    take('send')
    take('save again', second.promise)
    take('end')
    await turn()
    assert.deepEqual(taken, ['save'])
    first.resolve()
    await turn()
    assert.deepEqual(taken, ['save', 'send', 'save again'])
    second.resolve()
    await turn()
    take('after')
    assert.deepEqual(taken, ['save', 'send', 'save again', 'end', 'after'])
  })

  test('that a step sets off come after those that wait already', async () => {
    const { taken, take, inOrder } = recorder()
    const disk = Promise.withResolvers<void>()
    take('save', disk.promise)
    inOrder.take(() => {
      taken.push('send')
      take('answer')
      return undefined
    })
    take('end')
    disk.resolve()
    await turn()
    assert.deepEqual(taken, ['save', 'send', 'end', 'answer'])
  })

  test('are not taken behind one that failed, but what is taken after that is', async () => {
    const { taken, faults, take } = recorder()
    const disk = Promise.withResolvers<void>()
    take('save', disk.promise)
    take('send')
    disk.reject(new Error('full'))
    await turn()
    take('end')
    assert.deepEqual(taken, ['save', 'end'])
    assert.match(String(faults[0]), /full/u)
  })

  test('that fail at once say so to whoever takes them', () => {
    const { inOrder } = recorder()
    assert.throws(
      () =>
        inOrder.take(() => {
          throw new Error('no')
        }),
      /no/u,
    )
  })
})
