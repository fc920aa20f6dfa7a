import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DeletionConfirmation,
  type DeletionRequest,
  deletionConfirmation,
  deletionConfirmationSigners,
  deletionRequest,
  HanseError,
  type Named,
  type Order,
  openSigned,
  order,
  type SignedRecord,
  type Signer,
  type SpendAuthorization,
  type SpotCheck,
  signRecord,
  spendAuthorization,
} from '@hanse/protocol'
import {
  attestor,
  consumer,
  context,
  makeAcceptance,
  makeAuthorization,
  makeDeletionRequest,
  makeOffer,
  makeOrder,
  makeReceipts,
  makeSpotCheck,
  NETWORK,
  NOW,
  provider,
  providerContext,
  settlement,
  stranger,
} from '@hanse/protocol/testing'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AuditLog } from '../log/audit-log.ts'
import { NodeStore } from '../store/node-store.ts'
import { DeletionDesk, type DeletionDeskOptions } from './deletion-desk.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** After the authorization of the fixtures. */
const LATER = NOW + DAY_MS
const log = pino({ level: 'silent' })
const OTHERS = stranger

let folder: string
let store: NodeStore
let audit: AuditLog
let now: number
let asked: SignedRecord[]
let told: SignedRecord[]
let fault: Error | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-deletion-'))
  now = NOW
  asked = []
  told = []
  fault = undefined
  await open()
})
afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<void> {
  store = new NodeStore(join(folder, 'node.db'))
  let count = 0
  audit = await AuditLog.open(
    folder,
    { network: NETWORK, peerId: provider.peerId },
    { store, log, now: () => now, random: (size) => new Uint8Array(size).fill(++count) },
  )
}

async function close(): Promise<void> {
  await audit[Symbol.asyncDispose]()
  store[Symbol.dispose]()
}

function desk(changes: Partial<DeletionDeskOptions> = {}): DeletionDesk {
  return new DeletionDesk({
    context: providerContext,
    side: 'provider',
    store: store.deletions,
    audit,
    settlement: {
      identity: async () => settlement.peerId,
      deletionsAfter: async () => ({ requests: asked, next: null }),
      confirmDeletion: async (signed) => {
        if (fault !== undefined) throw fault
        told.push(signed)
      },
    },
    log,
    now: () => now,
    random: () => 0.5,
    ...changes,
  })
}

async function poll(changes: Partial<DeletionDeskOptions> = {}): Promise<void> {
  await using one = desk(changes)
  await one.poll()
}

const ask = (changes: Partial<DeletionRequest> = {}) => {
  asked = [makeDeletionRequest({ at: now, dueAt: now + 21 * DAY_MS, ...changes })]
}

interface Sold {
  readonly ordered: Named<Order> & SignedRecord
  readonly authorization: Named<SpendAuthorization> & SignedRecord
}

/** A session that has ended, with two receipts; settlement has booked it unless it is `waiting`. */
async function sell(
  by: Signer,
  {
    authorization = promise(by),
    isWaiting = false,
    nonce = 1,
  }: { authorization?: Sold['authorization']; isWaiting?: boolean; nonce?: number } = {},
): Promise<Sold> {
  store.putOffer(makeOffer(), [])
  const { value } = makeOrder({
    consumer: by.peerId,
    authorization: authorization.cid,
    nonce: new Uint8Array(16).fill(nonce),
  })
  const ordered = signRecord(context, order, value, 'consumer', by)
  const session = ordered.cid.toString()
  store.beginSession('provider', ordered, authorization, now)
  const accepted = makeAcceptance(ordered)
  store.setAcceptance(session, accepted)
  for (const receipt of makeReceipts(ordered, accepted, 2)) {
    const signatures = receipt.signatures.map((one) =>
      one.role === 'consumer' ? { ...one, signer: by.peerId } : one,
    )
    await store.saveReceipt(session, { ...receipt, signatures })
  }
  store.putOpening(session, { secret: new Uint8Array(32).fill(9), request: undefined })
  store.endSession(session, 'completed', now)
  audit.record(session)
  await audit.flush()
  if (!isWaiting) book()
  return { ordered, authorization }
}

const promise = (by: Signer, issuer: Signer = settlement): Sold['authorization'] => {
  const { value } = makeAuthorization({ consumer: by.peerId, issuer: issuer.peerId })
  return signRecord(context, spendAuthorization, value, 'settlement', issuer)
}

function book(): void {
  for (const { session, sequence } of store.dueSubmissions(now, 100))
    store.submissionDone(session, sequence)
}

const last = (): DeletionConfirmation => {
  const signed = told.at(-1)
  if (signed === undefined) throw new Error('nothing was told')
  return openSigned(context, deletionConfirmation, signed, deletionConfirmationSigners).value
}

/** Files of the node that have a word in them, as it is. */
function filesWith(word: string | Uint8Array): string[] {
  const bytes = Buffer.from(word)
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(bytes))
}

/** What is written is in the files when they are closed. */
async function inFiles<Result>(look: () => Result): Promise<Result> {
  await close()
  const found = look()
  await open()
  return found
}

describe('what a provider is asked to erase', () => {
  test('is in no file of it afterwards, and what it keeps of others is whole', async () => {
    const { ordered, authorization } = await sell(consumer)
    const other = await sell(OTHERS, { nonce: 2 })
    const words = [consumer.peerId, ordered.cid.toString(), ordered.cid.bytes, authorization.bytes]
    const before = await inFiles(() => words.map(filesWith))
    for (const files of before) expect(files).toContain('node.db')

    now = LATER
    ask({ consumers: [consumer.peerId], authorizations: [authorization.cid] })
    await poll()
    expect(last()).toMatchObject({ node: provider.peerId, side: 'provider', sequence: 0, kept: [] })
    expect(last().erased).toEqual([
      { class: 'log-entries', count: 1n },
      { class: 'log-keys', count: 1n },
      { class: 'openings', count: 1n },
      { class: 'receipts', count: 2n },
      { class: 'records', count: 3n },
      { class: 'sessions', count: 1n },
    ])
    expect(store.hasSession(other.ordered.cid.toString())).toBe(true)
    expect(store.evidence(other.ordered.cid.toString(), NETWORK)?.receipts).toHaveLength(2)
    // The request names whom it is about, and is forgotten when it is answered.
    expect(store.deletions.all()).toMatchObject([{ signed: undefined, sequence: 0, told: 0 }])
    expect(await inFiles(() => words.map(filesWith))).toEqual([[], [], [], []])
    expect(await inFiles(() => filesWith(OTHERS.peerId))).toContain('node.db')
  })

  test('leaves a log that verifies, and that tells of others', async () => {
    const { ordered } = await sell(consumer)
    const other = await sell(OTHERS, { nonce: 2 })
    now = LATER
    ask({ authorizations: [], consumers: [consumer.peerId] })
    await poll()
    await audit.flush()
    const listed = audit.events.newest(100).map(({ event }) => event)
    const sessions = listed.flatMap((event) => (event.kind === 'session' ? [event] : []))
    expect(sessions.map(({ session }) => session.toString())).toEqual([
      other.ordered.cid.toString(),
    ])
    expect(sessions.map((event) => audit.events.unseal(event.counterparty))).toEqual([
      OTHERS.peerId,
    ])
    expect(listed.map(({ kind }) => kind)).toContain('erasure')
    expect(audit.events.at(0n)).toBeUndefined()
    expect(audit.events.hasSession(ordered.cid.toString())).toBe(false)
    // A restart finds nothing to log again.
    await close()
    await open()
    expect(audit.events.newest(100)).toHaveLength(listed.length)
  })

  test('is kept while it is how the provider is paid, and goes when that is done', async () => {
    const { ordered } = await sell(consumer, { isWaiting: true })
    const session = ordered.cid.toString()
    now = LATER
    ask()
    await poll()
    expect(last()).toMatchObject({ sequence: 0, erased: [] })
    expect(last().kept).toEqual([
      { class: 'sessions', reason: 'unsettled', count: 1n, until: null },
    ])
    expect(store.dueSubmissions(now, 9)).toHaveLength(1)
    book()
    await poll()
    expect(last()).toMatchObject({ sequence: 1, kept: [] })
    expect(last().erased).toContainEqual({ class: 'sessions', count: 1n })
    expect(store.hasSession(session)).toBe(false)
  })

  test('is kept while an order could be taken twice, and until no longer', async () => {
    const { ordered, authorization } = await sell(consumer)
    now += 1
    ask()
    await poll()
    const { notAfter } = authorization.value
    expect(last().kept).toEqual([{ class: 'sessions', reason: 'open', count: 1n, until: notAfter }])
    expect(store.beginSession('provider', ordered, authorization, now)).toBe(false)
    expect(store.spentUnder(authorization.cid.toString())).toBeGreaterThan(0n)
    now = notAfter + 1
    await poll()
    expect(last()).toMatchObject({ sequence: 1, kept: [] })
  })

  test('has the word of the provider that it claims no more until that cannot be wanted', async () => {
    const { authorization } = await sell(consumer)
    const value = {
      settlement: settlement.peerId,
      provider: provider.peerId,
      authorization: authorization.cid,
      claims: authorization.value.limit,
      at: now,
    }
    store.ends.release(
      { cid: authorization.cid, bytes: new Uint8Array(), value },
      asked[0] ?? authorization,
    )
    now += 1
    ask()
    await poll()
    const { notAfter } = authorization.value
    expect(last().kept).toEqual([{ class: 'releases', reason: 'open', count: 1n, until: notAfter }])
    expect(store.ends.isReleased(authorization.cid.toString())).toBe(true)
    now = notAfter + 1
    await poll()
    expect(last()).toMatchObject({ sequence: 1, kept: [] })
    expect(await inFiles(() => filesWith(authorization.bytes))).toEqual([])
  })

  test('is not what began after the erasure', async () => {
    const first = await sell(consumer)
    const at = now
    now += 1000
    const again = await sell(consumer, { nonce: 3 })
    now = LATER
    ask({ at, dueAt: at + DAY_MS })
    await poll()
    expect(store.hasSession(first.ordered.cid.toString())).toBe(false)
    expect(store.hasSession(again.ordered.cid.toString())).toBe(true)
    // Its name can still be read: it is a customer again.
    const events = audit.events
      .newest(9)
      .flatMap(({ event }) =>
        event.kind === 'session' ? [audit.events.unseal(event.counterparty)] : [],
      )
    expect(events).toEqual([consumer.peerId])
  })
})

describe('who asks for more than is theirs', () => {
  const refusedThings: [string, () => SignedRecord][] = [
    ['a forger', () => resigned({}, OTHERS, settlement)],
    ['another settlement', () => resigned({ settlement: OTHERS.peerId }, OTHERS)],
    ['settlement, on another network', () => resigned({}, settlement, settlement, 'elsewhere')],
    ['settlement, of another node', () => resigned({ node: OTHERS.peerId })],
    ['settlement, of the other side', () => resigned({ side: 'consumer' })],
    [
      'settlement, of a time to come',
      () => resigned({ at: LATER + HOUR_MS, dueAt: LATER + DAY_MS }),
    ],
  ]

  function resigned(
    changes: Partial<DeletionRequest>,
    signer: Signer = settlement,
    named: Signer = signer,
    network = NETWORK,
  ): SignedRecord {
    const { value } = makeDeletionRequest(changes)
    const signed = signRecord({ network }, deletionRequest, value, 'settlement', signer)
    const signatures = signed.signatures.map((one) => ({ ...one, signer: named.peerId }))
    return { bytes: signed.bytes, signatures }
  }

  test.each(refusedThings)('%s erases nothing', async (_who, request) => {
    const { ordered } = await sell(consumer)
    now = LATER
    asked = [request()]
    await poll()
    expect(store.hasSession(ordered.cid.toString())).toBe(true)
    expect([store.deletions.all(), told]).toEqual([[], []])
    // What comes beside it is followed.
    asked = [request(), makeDeletionRequest({ at: now, dueAt: now + DAY_MS })]
    await poll()
    expect(store.hasSession(ordered.cid.toString())).toBe(false)
  })

  test('gets no session of a consumer that is another settlement’s', async () => {
    const theirs = await sell(consumer, { authorization: promise(consumer, attestor) })
    now = LATER
    ask({ authorizations: [theirs.authorization.cid] })
    await poll()
    expect(last()).toMatchObject({ erased: [] })
    expect(last().kept).toEqual([
      { class: 'sessions', reason: 'other-authority', count: 1n, until: null },
    ])
    expect(store.evidence(theirs.ordered.cid.toString(), NETWORK)?.receipts).toHaveLength(2)
    expect(audit.events.unseal(sealedOf(theirs))).toBe(consumer.peerId)
  })

  function sealedOf({ ordered }: Sold): Uint8Array {
    for (const { event } of audit.events.newest(9))
      if (event.kind === 'session' && event.session.equals(ordered.cid)) return event.counterparty
    throw new Error('it is not in the log')
  }
})

describe('an answer', () => {
  test('is told until settlement has it, in the same words, over a restart too', async () => {
    await sell(consumer)
    now = LATER
    ask()
    fault = new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', 'nobody answers')
    await poll()
    expect(told).toEqual([])
    const [entry] = store.deletions.all()
    expect(entry).toMatchObject({ sequence: 0, told: -1 })
    await close()
    await open()
    fault = undefined
    now += HOUR_MS
    await poll()
    expect(told.map(({ bytes }) => bytes)).toEqual([entry?.confirmation?.bytes])
    asked = []
    await poll()
    expect(told).toHaveLength(1)
  })

  test('is told again to a settlement that asks again', async () => {
    ask()
    await poll()
    await poll()
    expect(told).toHaveLength(2)
    expect(told[1]?.bytes).toEqual(told[0]?.bytes)
    expect(last()).toMatchObject({ sequence: 0, erased: [], kept: [] })
  })

  test('counts what a crash left half erased', async () => {
    await sell(consumer)
    now = LATER
    ask()
    const crashing = {
      countOf: audit.countOf.bind(audit),
      eraseSubject: audit.eraseSubject.bind(audit),
      eraseSessions: (sessions: readonly string[]) => {
        audit.eraseSessions(sessions)
        throw new Error('CRASH')
      },
    }
    await poll({ audit: crashing })
    expect(told).toEqual([])
    expect(store.sessions()).toHaveLength(1)
    await poll()
    expect(last().erased).toContainEqual({ class: 'log-entries', count: 1n })
    expect(last().erased).toContainEqual({ class: 'sessions', count: 1n })
  })

  test('that settlement refuses is kept for the owner to see, and not told for ever', async () => {
    ask()
    fault = new HanseError('HANSE_SIGNATURE_INVALID', 'no')
    await poll()
    fault = undefined
    await poll()
    expect([told, store.deletions.all()[0]?.refused]).toEqual([[], 'HANSE_SIGNATURE_INVALID'])
  })
})

test('a gateway forgets what was asked and for whom, and keeps its receipts', async () => {
  const authorization = promise(consumer)
  const { value } = makeOrder({ authorization: authorization.cid })
  const ordered = signRecord(context, order, value, 'consumer', consumer)
  const session = ordered.cid.toString()
  store.putOffer(makeOffer(), [])
  store.beginSession('consumer', ordered, authorization, now)
  store.putOpening(session, { secret: new Uint8Array(32), request: Buffer.from('geheim') })
  store.endSession(session, 'completed', now)
  const compared = keepCheck(ordered.cid, ['geheim: its answer', 'geheim: another one'])
  const others = makeOrder({ nonce: new Uint8Array(16).fill(11) })
  const ofOthers = keepCheck(others.cid, ['an answer', 'the same'])
  await inFiles(() => expect(filesWith('geheim')).not.toEqual([]))
  now += 1
  asked = [
    makeDeletionRequest({
      node: consumer.peerId,
      side: 'consumer',
      consumers: [],
      authorizations: [authorization.cid],
      at: now,
    }),
  ]
  await poll({ context: { network: NETWORK, signer: consumer }, side: 'consumer' })
  expect(last()).toMatchObject({
    side: 'consumer',
    erased: [{ class: 'openings', count: 2n }],
    kept: [{ class: 'sessions', reason: 'accounting', count: 1n, until: null }],
  })
  const texts = new Map(store.spotChecks.list(9).map((row) => [row.cid, row.texts]))
  expect(texts).toEqual(
    new Map([
      [compared, undefined],
      [ofOthers, ['an answer', 'the same']],
    ]),
  )
  expect(store.opening(session)).toBeUndefined()
  expect(store.hasSession(session)).toBe(true)
  expect(await inFiles(() => filesWith('geheim'))).toEqual([])
})

/** A comparison of which `asked` is the second answer. @returns its name */
function keepCheck(asked: SpotCheck['second']['order'], texts: readonly [string, string]): string {
  const { second } = makeSpotCheck().value
  const { value, cid, bytes, signatures } = makeSpotCheck({ second: { ...second, order: asked } })
  const name = cid.toString()
  store.spotChecks.put({
    cid: name,
    check: value,
    signed: { bytes, signatures },
    differ: true,
    texts,
  })
  return name
}
