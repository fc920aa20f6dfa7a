import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cidOf, encodeCanonical } from '@hanse/protocol'
import { afterEach, beforeEach, test } from 'vitest'
import type { SessionRow } from '../../store/node-store.ts'
import { AuditEvents } from '../audit-events.ts'
import { openLogDatabase } from '../sqlite-log-store.ts'
import { type NodeTrailFilter, nodeTrailJson, searchNodeTrail } from './node-trail.ts'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-11-02T08:00:00Z')
const PEER = '12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust'
const SESSION = cidOf(encodeCanonical('session'))
const RECEIPT = cidOf(encodeCanonical('receipt'))
const ANYWHERE = { allow: ['EU'], minLevel: 2 }

let folder: string
let events: AuditEvents
let db: ReturnType<typeof openLogDatabase>
let randoms = 0
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-trail-'))
  db = openLogDatabase(join(folder, 'log.db'))
  events = new AuditEvents(db, (length) => new Uint8Array(length).fill(++randoms % 251))
})
afterEach(async () => {
  db[Symbol.dispose]()
  await rm(folder, { recursive: true, force: true })
})

const sessions = {
  session: (cid: string) =>
    cid === SESSION.toString()
      ? ({ session: cid, model: 'x/y', reason: 'completed', amount: 12n } as unknown as SessionRow)
      : undefined,
  evidence: () => undefined,
}

function seed(): void {
  events.add({
    kind: 'session',
    role: 'consumer',
    session: SESSION,
    receipt: RECEIPT,
    at: NOW,
    counterparty: events.seal(PEER),
  })
  events.add({ kind: 'key', action: 'created', key: 'k1', at: NOW + DAY_MS })
  events.add({
    kind: 'residency',
    role: 'consumer',
    place: 'before-prompt',
    reason: 'outside',
    country: 'US',
    policy: ANYWHERE,
    counterparty: events.seal(PEER),
    at: NOW + 2 * DAY_MS,
  })
}

const search = (filter: NodeTrailFilter = {}) =>
  [...searchNodeTrail({ events, sessions, network: 'test' }, filter)].map(({ kind }) => kind)

test('a trail is read newest first, with what the store knows of its sessions', () => {
  seed()
  const found = [...searchNodeTrail({ events, sessions, network: 'test' })]
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['residency', 'key', 'session'],
  )
  const [refused, , session] = found
  assert.equal(refused?.peer, PEER)
  assert.equal(refused?.country, 'US')
  assert.equal(refused?.reason, 'outside')
  assert.equal(session?.model, 'x/y')
  assert.equal(session?.amount, 12n)
  const json = JSON.parse(JSON.stringify(session && nodeTrailJson(session)))
  assert.equal(json.amount, '12')
  assert.equal(json.entry, null)
})

test('filters narrow it', () => {
  seed()
  assert.deepEqual(search({ kinds: ['key', 'session'] }), ['key', 'session'])
  assert.deepEqual(search({ from: NOW + DAY_MS, to: NOW + 2 * DAY_MS }), ['key'])
  assert.deepEqual(search({ session: SESSION.toString() }), ['session'])
  assert.deepEqual(search({ model: 'x/y' }), ['session'])
  assert.deepEqual(search({ model: 'x' }), [])
  assert.deepEqual(search({ provider: PEER }), ['residency', 'session'])
  assert.deepEqual(search({ country: 'US' }), ['residency'])
  assert.deepEqual(search({ key: 'k1' }), ['key'])
  assert.deepEqual(search({ reason: 'completed' }), ['session'])
  assert.deepEqual(search({ text: 'BEFORE-prompt' }), ['residency'])
  assert.deepEqual(search({ text: RECEIPT.toString() }), ['session'])
  assert.deepEqual(search({ text: 'nothing of the kind' }), [])
})

test('whose key was destroyed is nobody any more, and the events stay', () => {
  seed()
  assert.equal(events.eraseSubject(PEER, NOW), true)
  assert.deepEqual(search({ provider: PEER }), [])
  assert.deepEqual(search({ text: PEER.slice(-8) }), [])
  assert.deepEqual(search(), ['erasure', 'residency', 'key', 'session'])
})

test('more events than one read are all found', () => {
  for (let i = 0; i < 600; i++) {
    events.add({ kind: 'key', action: 'changed', key: `k${i}`, at: NOW + i })
  }
  const found = [...searchNodeTrail({ events, sessions: undefined, network: 'test' })]
  assert.equal(found.length, 600)
  assert.deepEqual(
    found.map(({ key }) => key),
    Array.from({ length: 600 }, (_, i) => `k${599 - i}`),
  )
})

test('where prompts may go is logged when it changes, and not when it stays', () => {
  assert.equal(events.addPolicy(ANYWHERE, NOW), true)
  assert.equal(events.addPolicy(ANYWHERE, NOW + 1), false)
  assert.equal(events.addPolicy({ ...ANYWHERE, minLevel: 3 }, NOW + 2), true)
  assert.equal(events.addPolicy(ANYWHERE, NOW + 3), true)
  assert.deepEqual(search({ kinds: ['policy'] }), ['policy', 'policy', 'policy'])
  assert.deepEqual(search({ text: 'EU from level 3' }), ['policy'])
})
