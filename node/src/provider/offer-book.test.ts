import assert from 'node:assert/strict'
import { offerSigners, openSigned, type Prices, picoEuro, offer as record } from '@hanse/protocol'
import { context, makeOffer, providerContext } from '@hanse/protocol/testing'
import { beforeEach, describe, test } from 'vitest'
import { OfferBook, VALID_MS } from './offer-book.ts'

const [model] = makeOffer().value.models
assert.ok(model !== undefined)
let now = 0
let prices: Prices | undefined
let speed: number | null = null
let kept = 0
let book: OfferBook

beforeEach(() => {
  now = 1_000_000_000
  prices = undefined
  speed = null
  kept = 0
  book = new OfferBook({
    context: providerContext,
    terms: {
      country: 'DE',
      models: [model],
      gpus: [{ name: 'X', vramBytes: 8n, count: 1 }],
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
    },
    addresses: () => [],
    freeSlots: () => 1,
    pricesOf: () => prices,
    tokensPerSecond: () => speed,
    now: () => now,
    keep: () => kept++,
  })
})

describe('the offer', () => {
  test('has the prices and the speed of when it is signed', () => {
    assert.equal(book.current().value.models[0]?.outputPrice, model.outputPrice)
    prices = { inputPrice: picoEuro(7n), outputPrice: picoEuro(8n) }
    speed = 41.6
    const [offered] = book.current().value.models
    assert.deepEqual([offered?.inputPrice, offered?.outputPrice], [7n, 8n])
    assert.equal(offered?.tokensPerSecond, 42)
    assert.equal(offered?.freeSlots, 1)
  })

  test('is signed once for all who ask within two seconds, unless a price has moved', () => {
    const first = book.current()
    now += 1_999
    assert.equal(book.current(), first)
    prices = { inputPrice: picoEuro(7n), outputPrice: picoEuro(8n) }
    const second = book.current()
    assert.ok(second.value.sequence > first.value.sequence)
    now += 2_000
    assert.notEqual(book.current(), second)
    now -= 3_600_000
    assert.equal(book.current().value.issuedAt, now, 'the clock was set back')
    assert.equal(kept, 4)
  })

  test('is found by its name while it is valid, also when there is a newer one', () => {
    const cid = book.current().cid.toString()
    now += VALID_MS - 1
    book.current()
    assert.ok(book.find(cid) !== undefined)
    now += 2_001
    book.current()
    assert.equal(book.find(cid), undefined)
  })
})

describe('a withdrawn offer', () => {
  test('takes the place of the one before, offers nothing, and is over in seconds', () => {
    const before = book.current()
    const last = book.withdraw()
    assert.deepEqual(openSigned(context, record, last, offerSigners).value, last.value)
    assert.ok(last.value.sequence > before.value.sequence)
    assert.ok(last.value.notAfter - now <= 10_000)
    assert.deepEqual(
      last.value.models.map(({ slots, freeSlots }) => [slots, freeSlots]),
      [[0, 0]],
    )
    assert.equal(book.find(last.cid.toString()), undefined, 'nobody orders by it')
    assert.ok(book.current().value.sequence > last.value.sequence, 'and it can come back')
  })
})
