import assert from 'node:assert/strict'
import { test } from 'vitest'
import { changesOf } from './changes.ts'
import type { MarketOffers, OfferRow } from './market-offers.ts'

const offer = (provider: string, changes: Partial<OfferRow> = {}): OfferRow => ({
  provider,
  model: 'a/b',
  country: 'DE',
  evidenceLevel: 3,
  inputPrice: '1',
  outputPrice: '2',
  slots: 4,
  freeSlots: 4,
  ...changes,
})
const market = (...candidates: OfferRow[]): MarketOffers => ({
  network: 'n',
  policy: { allow: ['EU'], minLevel: 3 },
  candidates,
  excluded: [],
})

test('at first every offer has come', () => {
  assert.deepEqual(changesOf(undefined, market(offer('1'), offer('2'))), [
    { change: 'came', offer: offer('1') },
    { change: 'came', offer: offer('2') },
  ])
})

test('an offer comes, goes, changes its price or its free slots, or stays', () => {
  const before = market(offer('stays'), offer('dearer'), offer('busier'), offer('goes'))
  const dearer = offer('dearer', { outputPrice: '3', freeSlots: 1 })
  const busier = offer('busier', { freeSlots: 1 })
  const after = market(offer('stays'), dearer, busier, offer('comes'))
  assert.deepEqual(changesOf(before, after), [
    { change: 'price', offer: dearer },
    { change: 'slots', offer: busier },
    { change: 'came', offer: offer('comes') },
    { change: 'went', offer: offer('goes') },
  ])
})

test('one provider offers several models', () => {
  const two = market(offer('1'), offer('1', { model: 'a/c' }))
  assert.deepEqual(changesOf(two, market(offer('1'))), [
    { change: 'went', offer: offer('1', { model: 'a/c' }) },
  ])
})
