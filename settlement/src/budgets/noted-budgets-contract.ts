import { randomUUID } from 'node:crypto'
import {
  type BudgetRule,
  budgetTermsSchema,
  GATEWAY_KEY_TAG,
  type PicoEuro,
  picoEuro,
  type Signer,
} from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorize } from '../authorizations/authorize.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { takeAllNotes } from '../session-notes/jobs.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  NETWORK,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import type { SpendAttribution } from './budget.ts'

const HOUR_MS = 3_600_000
const ANNA = `${GATEWAY_KEY_TAG}anna`
const BERT = `${GATEWAY_KEY_TAG}bert`

/** Sessions of two gateways: what is noted of them, and on which model they are. */
const SESSIONS = [
  { gateway: 0, tags: [], model: 'm/qwen' },
  { gateway: 0, tags: ['evals', ANNA], model: 'm/llama-3' },
  { gateway: 1, tags: ['evals'], model: 'm/llama-3' },
  { gateway: 1, tags: ['more', BERT], model: 'm/qwen' },
  { gateway: 1, tags: [ANNA], model: 'm/llama-4' },
  // Of an authorization that says that it is for evals of the team research.
  { gateway: 0, tags: ['evals', ANNA], model: 'm/llama-3', isAttributed: true },
] as const
type Session = (typeof SESSIONS)[number]
const ATTRIBUTION: SpendAttribution = { team: 'research', tags: ['evals'] }
const TEAMS = { anna: 'research', bert: 'sales' }

/** Budgets, and of which sessions they are. */
const BUDGETS: readonly (readonly [BudgetRule['scope'], (session: Session) => boolean])[] = [
  [{ tag: 'evals' }, ({ tags }) => has(tags, 'evals')],
  [{ key: 'anna' }, ({ tags }) => has(tags, ANNA)],
  [{ team: TEAMS.bert }, ({ tags }) => has(tags, BERT)],
  [{ team: 'research', tag: 'evals' }, ({ tags }) => has(tags, ANNA) && has(tags, 'evals')],
  [{ model: 'm/llama-*' }, ({ model }) => model !== 'm/qwen'],
  [
    { model: 'm/llama-*', team: 'research' },
    ({ tags, model }) => has(tags, ANNA) && model !== 'm/qwen',
  ],
]
const has = (tags: readonly string[], tag: string): boolean => tags.includes(tag)
const isAttributed = (session: Session): boolean => 'isAttributed' in session

/** Of budgets of a part of an organization, on every store. `open` gives the same database, perhaps on another connection. */
export function notedBudgetsContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async () => {
    const context = testContext(await open())
    const { store, now } = context
    context.clock.now += 12 * HOUR_MS
    const { organization, consumer } = await addTenant(context, 10_000n)
    const gateways = [consumer, newSigner()]
    await store.bindConsumers(
      organization,
      gateways.map(({ peerId }) => peerId),
      now(),
    )
    for (const [key, team] of Object.entries(TEAMS))
      await store.putTeam(organization, { name: team, keys: [key] }, now())
    const provider = await addProvider(context)
    const promise = (gateway: Signer | undefined, attribution?: SpendAttribution) =>
      promiseTo(context, organization, gateway ?? consumer, provider, attribution)
    const shared = await Promise.all(gateways.map((gateway) => promise(gateway)))
    const attributed = await promise(consumer, ATTRIBUTION)
    const deals = SESSIONS.map((session, i) => {
      const { gateway, model } = session
      const authorization = isAttributed(session) ? attributed : shared[gateway]
      if (authorization === undefined) throw new Error('no authorization')
      return makeDeal({
        network: NETWORK,
        consumer: gateways[gateway] ?? consumer,
        provider,
        authorization,
        at: now() - i * HOUR_MS,
        orderChanges: { model },
        outputPrice: CENT,
        inputPrice: picoEuro(0n),
      })
    })
    const budgets = await Promise.all(
      BUDGETS.map(async ([scope]) => {
        const terms = { name: 'b', amount: '1', window: { kind: 'day' }, scope }
        const rule = budgetTermsSchema.parse(terms)
        const id = `bud_${randomUUID()}`
        return store.addBudget({ id, organization, rule, actor: 'test', at: now() })
      }),
    )
    const states = async () => {
      const found = await Promise.all(
        budgets.map(({ id }) => store.budgetState(organization, id, now())),
      )
      return found.map((one) => ({ spent: one?.state?.spent ?? 0n, held: one?.state?.held ?? 0n }))
    }
    const from =
      (await store.budgetState(organization, budgets[0]?.id ?? '', now()))?.state?.span.from ?? 0
    const report = (gateway: number, spent: readonly bigint[], held = 0n) =>
      store.reportBudgets(
        organization,
        gateways[gateway]?.peerId ?? '',
        budgets.map(({ id }, i) => ({ budget: id, from, spent: spent[i] ?? 0n, held })),
        now(),
      )
    const note = (i: number) => {
      const [deal, session] = [deals[i], SESSIONS[i]]
      if (deal === undefined || session === undefined) throw new Error(`no session ${i}`)
      const said = { session: deal.session, tags: session.tags, user: '' }
      const times = { firstMs: null, totalMs: null, receipt: null, receiptAt: null }
      return store.keepNotes(
        gateways[session.gateway]?.peerId ?? '',
        [{ ...said, ...times }],
        now(),
      )
    }
    return { context, deals, states, report, note }
  }

  describe(`${name}: budgets of teams, keys, tags and models`, () => {
    test('come to what their sessions came to, whatever is told of it first, and never to more', async () => {
      const step = fc.record({
        session: fc.nat(SESSIONS.length - 1),
        tokens: fc.integer({ min: 1, max: 50 }),
        note: fc.boolean(),
        roll: fc.boolean(),
        take: fc.boolean(),
        report: fc.option(fc.nat(1), { nil: undefined }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), async (steps) => {
          const { context, deals, states, report, note } = await setUp()
          const { store } = context
          const settled = SESSIONS.map(() => ({ sequence: -1, tokens: 0 }))
          const spent = (counts: (session: Session) => boolean): bigint =>
            SESSIONS.reduce(
              (sum, session, i) =>
                sum + (counts(session) ? BigInt(settled[i]?.tokens ?? 0) * CENT : 0n),
              0n,
            )
          const reported = [0, 1].map(() => BUDGETS.map(() => 0n))
          for (const { session, tokens, ...then } of steps) {
            const [now, deal] = [settled[session], deals[session]]
            if (now === undefined || deal === undefined) throw new Error('no session')
            now.sequence++
            now.tokens += tokens
            await ingest(context, [deal.submission(now.sequence, now.tokens)])
            if (then.note) await note(session)
            await Promise.all([
              then.roll ? store.rollUpUsage(2) : undefined,
              then.take ? (await open()).takeNotes(context.now(), 2) : undefined,
            ])
            const { report: gateway } = then
            if (gateway !== undefined) {
              // What is promised to somebody else is not the gateway's to report.
              const own = BUDGETS.map(([, counts]) =>
                spent((one) => counts(one) && one.gateway === gateway && !isAttributed(one)),
              )
              reported[gateway] = own
              await report(gateway, own)
            }
            for (const [i, state] of (await states()).entries()) {
              expect(state.spent).toBeLessThanOrEqual(spent(BUDGETS[i]?.[1] ?? (() => false)))
              const known = (reported[0]?.[i] ?? 0n) + (reported[1]?.[i] ?? 0n)
              expect(state.spent).toBeGreaterThanOrEqual(known)
            }
          }
          for (const [i, { sequence }] of settled.entries()) if (sequence >= 0) await note(i)
          while ((await store.rollUpUsage(3)).receipts > 0);
          await takeAllNotes(context)
          expect((await states()).map((state) => state.spent)).toEqual(
            BUDGETS.map(([, counts]) => spent(counts)),
          )
        }),
        { numRuns: 5 },
      )
    }, 120_000)

    test('count what runs until it is settled, and once', async () => {
      const { context, deals, states, report, note } = await setUp()
      const { store } = context
      await report(1, [2n * CENT], 5n * CENT)
      expect((await states())[0]).toMatchObject({ spent: 2n * CENT })
      const held = async () => ((await states())[2]?.held ?? 0n) / CENT
      expect(await held()).toBe(5n)
      // Bert's session is settled for less than was set aside for it, and the gateway has not reported since.
      await ingest(
        context,
        [deals[3]?.submission(0, 3)].flatMap((one) => one ?? []),
      )
      expect(await held()).toBe(5n)
      await note(3)
      while ((await store.rollUpUsage()).receipts > 0);
      await takeAllNotes(context)
      expect((await states())[2]).toEqual({ spent: 3n * CENT, held: 2n * CENT })
    })
  })
}

function promiseTo(
  context: TestContext,
  organization: string,
  gateway: Signer,
  provider: Signer,
  attribution: SpendAttribution | undefined,
) {
  const limit: PicoEuro = picoEuro(1_000n * CENT)
  return authorize(context, {
    organization,
    consumer: gateway.peerId,
    provider: provider.peerId,
    limit,
    lifetimeMs: 24 * HOUR_MS,
    idempotencyKey: null,
    attribution,
  })
}
