import assert from 'node:assert/strict'
import { offer } from '@hanse/protocol'
import { makeOffer } from '@hanse/protocol/testing'
import { test } from 'vitest'
import { gpusOnOffer } from './gpus-on-offer.ts'
import type { Gpu } from './machine.ts'

const GIB = 2 ** 30
const gpu = (name: string, gib: number, vendor: Gpu['vendor'] = 'nvidia'): Gpu => ({
  id: `${vendor}:0`,
  vendor,
  name,
  vramBytes: gib * GIB,
  driver: null,
})

test('equal cards are counted together, the largest come first', () => {
  const gpus = [gpu('RTX 3090', 24), gpu('H100', 80), gpu('RTX 3090', 24), gpu('RTX 3090', 12)]
  assert.deepEqual(gpusOnOffer({ gpus }), [
    { name: 'H100', vramBytes: 80n * 2n ** 30n, count: 1 },
    { name: 'RTX 3090', vramBytes: 24n * 2n ** 30n, count: 2 },
    { name: 'RTX 3090', vramBytes: 12n * 2n ** 30n, count: 1 },
  ])
})

test('graphics that run no model are left out; a card that hides its size is not', () => {
  const gpus = [
    gpu('UHD 770', 0, 'intel'),
    gpu('Phoenix3', 0.5, 'amd'),
    gpu('NVIDIA A100', 0),
    gpu('Arc A770', 16, 'intel'),
  ]
  assert.deepEqual(
    gpusOnOffer({ gpus }).map(({ name }) => name),
    ['Arc A770', 'NVIDIA A100'],
  )
})

test('whatever the machine has, the Offer can be made', () => {
  const many = Array.from({ length: 40 }, (_, i) => gpu(`card ${i}`, 8 + i))
  const same = Array.from({ length: 2000 }, () => gpu('same', 4))
  const gpus = gpusOnOffer({ gpus: [gpu('x'.repeat(90), 99), ...many, ...same] })
  assert.equal(gpus.length, 16)
  assert.equal(gpus[0]?.name.length, 64)
  const made = makeOffer({ gpus })
  assert.deepEqual(offer.decode(made.bytes).gpus, gpus)
  assert.equal(gpusOnOffer({ gpus: same })[0]?.count, 1024)
})
