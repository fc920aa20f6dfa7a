import { expect, test } from 'vitest'
import { type Facts, stepsOf } from './standing.ts'

const nothing: Facts = {
  node: undefined,
  account: undefined,
  tax: undefined,
  trader: undefined,
  location: undefined,
  isOffered: false,
}
const node = { peerId: '12D', linkedAt: 1, country: 'DE', payable: true, lastPaidAt: null }
const bound = { country: 'DE', payable: true, requirements: [], deadlineMs: null, isOpen: false }
const done = (facts: Partial<Facts>) =>
  stepsOf({ ...nothing, ...facts })
    .filter(([, isDone]) => isDone)
    .map(([step]) => step)

test('nothing is ticked before it was answered', () => {
  expect(done({})).toEqual([])
  expect(stepsOf(nothing)).toHaveLength(8)
})

test('an account that Stripe has not verified is bound and no more', () => {
  const account = { ...bound, payable: false, isOpen: true }
  expect(done({ node, account: { account } })).toEqual(['linked', 'bound'])
})

test('a profile without self-billing is not all that is wanted', () => {
  const profile = {
    kind: 'private',
    name: 'A',
    street: 's',
    postalCode: '1',
    city: 'c',
    country: 'DE',
  }
  const tax = { profile, version: 1, at: 1, selfBillingTerms: '2026-11' }
  expect(done({ tax })).toEqual([])
  const agreed = { ...tax, profile: { ...profile, selfBillingTerms: '2026-11' } }
  expect(done({ tax: agreed })).toEqual(['tax'])
})

test('where the service asks nobody who they are, the steps are fewer', () => {
  const facts = { node, account: { account: bound }, trader: { trader: undefined } }
  expect(stepsOf({ ...nothing, ...facts }).map(([step]) => step)).not.toContain('trader')
  expect(stepsOf({ ...nothing, ...facts }).map(([step]) => step)).toContain('location')
})

test('a paid job and an offer that was seen are facts of their own', () => {
  expect(done({ node: { ...node, lastPaidAt: 5 }, isOffered: true })).toEqual([
    'linked',
    'offered',
    'paid',
  ])
})
