import {
  auditTiles,
  cidOf,
  decodeCanonical,
  HanseError,
  LOG_EVENT_KINDS,
  logEvent,
  logKey,
  logKeySigners,
  noteSignerOf,
  openCheckpoint,
  openSigned,
  type ProvedSession,
  parseCheckpoint,
  picoEuro,
  type SignedRecord,
  verifySettlementProof,
} from '@hanse/protocol'
import { logStoreContract } from '@hanse/protocol/testing/log-store'
import { describe, expect, test } from 'vitest'
import { checkLog } from '../log/check-log.ts'
import { ownerOf } from '../log/log-fact.ts'
import { Sequencer } from '../log/sequencer.ts'
import { SettlementLog } from '../log/settlement-log.ts'
import { StoredLog } from '../log/stored-log.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import type { Submission } from '../receipts/submission.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  credit,
  hold,
  NETWORK,
  NOW,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import type { SettlementStore } from './store.ts'

/** An empty database; `reopen` gives another connection to it. */
export interface FreshStore {
  readonly store: SettlementStore
  readonly reopen: () => Promise<SettlementStore>
  readonly close: () => Promise<void>
}

/** What every store keeps of the transparency log. */
export function logContract(name: string, open: () => Promise<FreshStore>): void {
  logStoreContract(name, async () => {
    const { store, reopen, close } = await open()
    return {
      store: new StoredLog(store),
      reopen: async () => new StoredLog(await reopen()),
      close,
    }
  })

  const withMarket = (title: string, run: (market: Market) => Promise<void>): void => {
    test(title, async () => {
      const fresh = await open()
      try {
        await run(await openMarket(fresh))
      } finally {
        await fresh.close()
      }
    })
  }

  describe(`${name}: the log`, () => {
    withMarket(
      'has an event for what was settled, and a proof for each session',
      async (market) => {
        const { context, log, deal, parties, prove } = market
        const [one, two, three] = [deal(), deal(), deal()]
        const last = one.submission(1, 9, { final: 'completed' })
        await ingest(context, [one.submission(0, 5), last, last])
        const lines = [two, three].map((of) => of.submission(0, 4, { final: 'completed' }))
        await ingestStatements(context, [makeStatement(parties, lines.map(lineOf))])
        expect(await log.prove(one.session)).toBeUndefined()
        await log.tick()
        expect((await prove(last)).event.value.kind).toBe('receipt-settled')
        for (const line of lines) {
          const { event, statement } = await prove(line)
          expect(event.value.kind).toBe('statement-settled')
          expect(statement?.line.order.equals(cidOf(line.order.bytes))).toBe(true)
        }
        // One event for the key, two receipts, one statement.
        expect(await sizeOf(context)).toBe(4n)
        await market.sound()
      },
    )

    withMarket('is opened for whom an event is about, and for nobody else', async (market) => {
      const { context, tenant, provider, parties, deal } = market
      const { store } = context
      await credit(context, tenant.organization, 1n)
      const authorization = await hold(context, tenant, provider, CENT)
      const one = deal({ authorization })
      await ingest(context, [one.submission(0, 5), one.submission(1, 9)])
      const lines = [deal(), deal()].map((of) => of.submission(0, 4, { final: 'completed' }))
      const statement = makeStatement(parties, lines.map(lineOf))
      await ingestStatements(context, [statement])
      const [from, to, limit] = [0, NOW + 1, 100]
      const period = { from, to, limit }
      const { organization } = tenant
      const mine = await store.trailEvents({ viewer: { organization }, ...period })
      expect(mine.map(({ kind }) => kind)).toEqual([
        'statement-settled',
        'receipt-settled',
        'receipt-settled',
        'authorization-issued',
      ])
      const facts = { provider: provider.peerId, consumer: tenant.consumer.peerId }
      for (const event of mine) expect(event).toMatchObject({ seal: 'open', facts })
      const rest = { viewer: { organization }, ...period, before: mine[1]?.id ?? 0n, limit: 1 }
      expect(await store.trailEvents(rest)).toEqual([mine[2]])
      expect(await store.trailEvents({ ...rest, isForward: true })).toEqual([mine[0]])
      expect(await store.trailEvents({ viewer: { organization: 'org_other' }, ...period })).toEqual(
        [],
      )
      const seen = await store.trailEvents({ viewer: 'platform', ...period })
      expect(seen.map(({ seal }) => seal)).toEqual(['sealed', 'sealed', 'sealed', 'sealed', 'none'])
      expect(await store.trailCounts({ organization }, from, to, ['receipt-settled'])).toEqual([
        { kind: 'receipt-settled', day: '2026-11-02', events: 2 },
      ])

      const receipts = mine
        .filter(({ kind }) => kind === 'receipt-settled')
        .map(({ record }) => record ?? '')
      const settled = receipts.map((receipt) => ({ session: one.session, receipt }))
      const files = await store.packagedSessions(settled)
      expect(files.map(({ path }) => path)).toEqual([`sessions/${one.session}.cbor`])
      expect(await store.recordsOfSession(one.session)).toEqual(receipts.toSorted())
      const stated = cidOf(statement.statement.bytes).toString()
      expect((await store.packagedStatement(stated))?.path).toBe(`statements/${stated}.cbor`)
      expect(await store.eraseSubject(ownerOf('organization', organization), NOW)).toBe(true)
      expect(await store.trailEvents({ viewer: { organization }, ...period })).toEqual([])
    })

    withMarket('proves that it only grew since any size', async (market) => {
      const { context, log, deal, prove } = market
      const notes: string[] = []
      const items: Submission[] = []
      for (let i = 0; i < 5; i++) {
        items.push(deal().submission(0, i, { final: 'completed' }))
        await ingest(context, items.slice(-1))
        await log.tick()
        notes.push((await context.store.logHead())?.note ?? '')
      }
      for (const note of notes) {
        const { size } = parseCheckpoint(note)
        expect((await prove(items[0], note, size)).since).toBe(size === 6n ? 'same' : 'grown')
      }
      await expect(log.prove(market.sessionOf(items[0]), 7n)).rejects.toMatchObject({
        code: 'HANSE_LOG_INDEX',
      })
    })

    withMarket('tells of payouts, attestations and violations, and not twice', async (market) => {
      const { context, tenant, provider, deal, log } = market
      const { store } = context
      const abroad = deal({ residency: { allow: ['FR'], minLevel: 3 } }).submission(0, 1)
      const free = { network: NETWORK, consumer: newSigner(), provider: newSigner(), at: NOW }
      const price = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n) }
      const stranger = makeDeal({ ...free, ...price }).submission(0, 1)
      const violating = makeDeal({
        ...free,
        ...price,
        residency: { allow: ['FR'], minLevel: 0 },
      }).submission(0, 1)
      await ingest(context, [abroad, abroad, stranger, violating])
      await ingest(context, [abroad, deal().submission(0, 200_007)])
      await runPayouts(context)
      const issued = {
        cid: cidOf(abroad.order.bytes).toString(),
        provider: provider.peerId,
        country: 'DE',
        level: 3,
        signed: abroad.order.bytes,
        notBefore: NOW,
        notAfter: NOW + 1,
      }
      await store.keepAttestation(issued, NOW)
      await store.keepAttestation(issued, NOW)
      await store.setProviderPayable(provider.peerId, false, NOW)
      await store.setProviderPayable(provider.peerId, false, NOW)
      await store.eraseSubject(ownerOf('organization', tenant.organization), NOW)
      await log.tick()
      const kinds = await market.kinds()
      expect(kinds).toEqual([
        'key-rotation',
        'policy-violation',
        'receipt-settled',
        'payout',
        'attestation-issued',
        'attestation-revoked',
        'erasure',
      ])
      expect(kinds.every((kind) => LOG_EVENT_KINDS.includes(kind))).toBe(true)
      await market.sound()
    })

    withMarket('what is erased cannot be read, and every proof stays valid', async (market) => {
      const { context, tenant, deal, log, prove } = market
      const { store } = context
      const owner = ownerOf('organization', tenant.organization)
      const item = deal().submission(0, 5, { final: 'completed' })
      await ingest(context, [item])
      await log.tick()
      const before = await prove(item)
      const sealed = await store.unseal(before.event.bytes)
      expect(decodeCanonical(sealed ?? new Uint8Array(), 4096)).toMatchObject({
        organization: tenant.organization,
        country: 'DE',
        amount: 2_000_000,
      })
      expect(await store.eraseSubject(owner, NOW)).toBe(true)
      expect(await store.eraseSubject(owner, NOW)).toBe(false)
      await log.tick()
      expect(await store.unseal(before.event.bytes)).toBeUndefined()
      const after = await prove(item)
      expect(after.event.bytes).toEqual(before.event.bytes)
      expect(after.index).toBe(before.index)
      // What comes later is of a new subject, which nothing links to the erased one.
      const later = deal().submission(0, 6, { final: 'completed' })
      await ingest(context, [later])
      await log.tick()
      const { event } = await prove(later)
      expect(event.value.subject).not.toEqual(before.event.value.subject)
      expect(await store.unseal(event.bytes)).toBeDefined()
      await market.sound()
    })

    withMarket('has every event once, by two processes at once that crash', async (market) => {
      const { context, deal, reopen } = market
      const other = await reopen()
      const flaky = [crashing(context.store), crashing(other)]
      const sequencers = await Promise.all(
        flaky.map(async ({ store }) => Sequencer.open(store, logSigner)),
      )
      const items: Submission[] = []
      for (let round = 0; round < 8; round++) {
        for (const [i, { plan }] of flaky.entries()) {
          plan.next = round % 4 === i ? (round % 2 === 0 ? 'before' : 'after') : undefined
        }
        const batch = Array.from({ length: 3 }, () =>
          deal().submission(0, 1, { final: 'completed' }),
        )
        items.push(...batch)
        await Promise.all([
          ingest(context, batch),
          ...sequencers.map((sequencer) => sequencer.run().catch(expectCrash)),
        ])
      }
      for (const { plan } of flaky) plan.next = undefined
      for (const sequencer of sequencers) await sequencer.run()
      expect(await sizeOf(context)).toBe(BigInt(items.length + 1))
      for (const item of items) await market.prove(item)
      await market.sound()
    })

    withMarket('that was tampered with is found out', async (market) => {
      const { context, log, deal } = market
      const batch = Array.from({ length: 5 }, () => deal().submission(0, 1))
      await ingest(context, batch)
      await log.tick()
      const entries = await context.store.placedEvents(0n, 10)
      const lies: Partial<SettlementStore>[] = [
        { placedEvents: async (from) => (from > 0n ? [] : entries.slice(0, -1)) },
        { placedEvents: async (from) => (from > 0n ? [] : entries.toReversed()) },
        {
          placedEvents: async (from) =>
            from > 0n ? [] : entries.map((event) => ({ ...event, entry: new Uint8Array(32) })),
        },
        {
          logTile: async (path) => {
            const tile = await context.store.logTile(path)
            return path.startsWith('tile/0') ? tile?.map((byte) => byte ^ 1) : tile
          },
        },
        { logTile: async () => undefined },
        {
          placedEvents: async (from) =>
            [...entries, ...entries.map((event) => ({ ...event, leaf: event.leaf + 6n }))].filter(
              ({ leaf }) => leaf >= from,
            ),
        },
      ]
      for (const lie of lies) {
        const store = Object.assign(Object.create(context.store) as SettlementStore, lie)
        expect((await checkLog(store)).sound).toBe(false)
      }
      await market.sound()
    })

    withMarket('may grow while it is checked', async (market) => {
      const { context, log, deal } = market
      await ingest(context, [deal().submission(0, 1)])
      await log.tick()
      let asked = 0
      const growing: Partial<SettlementStore> = {
        placedEvents: async (from, limit) => {
          if (asked++ === 0) {
            await ingest(context, [deal().submission(0, 1)])
            await log.tick()
          }
          return context.store.placedEvents(from, limit)
        },
      }
      const store = Object.assign(Object.create(context.store) as SettlementStore, growing)
      expect(await checkLog(store)).toMatchObject({ sound: true, size: 2n })
      expect(await checkLog(context.store)).toMatchObject({ sound: true, size: 3n })
    })

    withMarket('keeps its name and its key', async ({ context, reopen, log }) => {
      const store = await reopen()
      const options = { ...optionsOf(context), store }
      expect((await SettlementLog.open({ ...options, defaultOrigin: 'another' })).vkey).toBe(
        log.vkey,
      )
      for (const wrong of [{ origin: 'another' }, { key: newSigner() }, { origin: 'a name' }]) {
        await expect(SettlementLog.open({ ...options, ...wrong })).rejects.toMatchObject({
          code: 'HANSE_CONFIG_INVALID',
        })
      }
      const key = openSigned({ network: NETWORK }, logKey, log.key, logKeySigners)
      expect(key.value).toMatchObject({ settlement: context.signer.peerId, vkey: log.vkey })
    })
  })
}

const KEY = newSigner()
const ORIGIN = 'settlement.test/log'
const logSigner = noteSignerOf(ORIGIN, KEY)

function optionsOf({ store, signer, network, now }: TestContext) {
  return { store, network, identity: signer, key: KEY, defaultOrigin: ORIGIN, now }
}

type Market = Awaited<ReturnType<typeof openMarket>>

async function openMarket({ store, reopen }: FreshStore) {
  const base = testContext(store)
  const failures: unknown[] = []
  const log = await SettlementLog.open({
    ...optionsOf(base),
    onFailure: (_, error) => failures.push(error),
  })
  const context: TestContext = { ...base, log }
  const tenant = await addTenant(context, 100n)
  const provider = await addProvider(context)
  // As without EU mode: only what proves money, so that it can be counted.
  const authorization = await hold({ ...context, euAudit: false }, tenant, provider, 100n * CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  const deal = (changes: Partial<Parameters<typeof makeDeal>[0]> = {}) =>
    makeDeal({ ...parties, at: context.now(), ...changes })
  const sessionOf = (item: Submission | undefined) =>
    item === undefined ? '' : cidOf(item.order.bytes).toString()
  /** As a reader would, who has the settlement's key and perhaps a checkpoint. */
  const prove = async (item: Submission | undefined, note?: string, since?: bigint) => {
    const proof = await log.prove(sessionOf(item), since)
    if (proof === undefined || item === undefined) throw new Error('not in the log')
    const session: ProvedSession = {
      order: cidOf(item.order.bytes),
      receipt: cidOf(item.receipt.bytes),
    }
    const key: SignedRecord = log.key
    const remembered = note === undefined ? {} : { remembered: { note } }
    return verifySettlementProof(proof, session, { network: NETWORK, key, ...remembered })
  }
  const kinds = async () =>
    (await context.store.placedEvents(0n, 100)).map(({ body }) => logEvent.decode(body).kind)
  const sound = async () => {
    expect(failures).toEqual([])
    expect(await checkLog(store)).toMatchObject({ sound: true, differences: [] })
    const head = openCheckpoint((await store.logHead())?.note ?? '', log.vkey)
    expect(await auditTiles((path) => store.logTile(path), head)).toMatchObject({ ok: true })
  }
  return { context, tenant, provider, parties, deal, log, reopen, prove, sessionOf, kinds, sound }
}

async function sizeOf({ store }: TestContext): Promise<bigint> {
  return parseCheckpoint((await store.logHead())?.note ?? '').size
}

/** A store whose next commit of the log crashes, before it reaches the database or after. */
function crashing(store: SettlementStore) {
  const plan: { next: 'before' | 'after' | undefined } = { next: undefined }
  const commitLog: SettlementStore['commitLog'] = async (commit) => {
    const when = plan.next
    plan.next = undefined
    if (when === 'before') throw new Error('CRASH')
    const outcome = await store.commitLog(commit)
    if (when === 'after') throw new Error('CRASH')
    return outcome
  }
  return { store: Object.assign(Object.create(store) as SettlementStore, { commitLog }), plan }
}

function expectCrash(error: unknown): void {
  if (error instanceof HanseError || (error as Error).message !== 'CRASH') throw error
}
