import { randomUUID } from 'node:crypto'
import {
  ANYWHERE,
  cidOf,
  encodeCanonical,
  picoEuro,
  type SignedRecord,
  type Signer,
  signerOf,
} from '@hanse/protocol'
import { authorize } from '../authorizations/authorize.ts'
import { releaseExpired } from '../authorizations/release-expired.ts'
import { closeDueMonths } from '../documents/close-due-months.ts'
import { issueDue } from '../documents/issue-due.ts'
import { SettlementError } from '../errors.ts'
import { foundOrganization } from '../people/found-organization.ts'
import { newLink, VERIFY_MS } from '../people/links.ts'
import { hashPassword } from '../people/password.ts'
import { refreshProvider } from '../providers/provider-account.ts'
import { ingest } from '../receipts/ingest.ts'
import { measureAll } from '../service-levels/jobs.ts'
import { takeAllNotes } from '../session-notes/jobs.ts'
import { givenNote } from '../session-notes/note.ts'
import type { Settlement } from '../settlement.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { SCOPES } from '../tenants/key-scopes.ts'
import { topUp } from '../top-ups/top-up.ts'
import { converse, type Talk } from './converse.ts'
import {
  DAYS,
  type DemoSession,
  dayOf,
  elsewhereOf,
  KEYS,
  MEMBERS,
  PROVIDERS,
  sessionsOf,
} from './recipe.ts'

export interface DemoSeed {
  readonly organization: string
  /** With all scopes. */
  readonly apiKey: string
  /** Of all members; chosen anew each time. */
  readonly password: string
  readonly members: readonly string[]
  readonly sessions: number
}

/** A clock that is set: the demo lives through its days one by one. */
export interface DemoClock {
  now: number
}

const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
/** What a key may spend with a provider in a week; the rest comes back. */
const HOLD = picoEuro(15n * 10n ** 12n)
const CREDIT_WINDOW = picoEuro(10n ** 12n)
/** Between receipts: a token or two every ten milliseconds make one in half a minute. */
const RECEIPT_EVERY = 1_024n
/** The slowest model writes the longest answer in seven minutes. */
const DEADLINE_MS = 15 * 60_000
const OUTPUT_TOKENS_MAX = 16_384n
const TOP_UP_CENTS = 25_000n

/**
 * Fills a service with a demo organization that has worked for ninety days, or its last `days`: members, keys, teams,
 * budgets, sessions with receipts that both sides signed, usage and a bill of elsewhere, outcomes, invoices. All of it goes the ways
 * that real money goes: the ledger adds up.
 *
 * @param settlement on `clock`, with Stripe's double in its own process
 * @throws {SettlementError} HANSE_CONFIG_INVALID where there are organizations already, unless forced, or no double
 */
export async function seedDemo(
  settlement: Settlement,
  clock: DemoClock,
  { isForced = false, days = DAYS }: { readonly isForced?: boolean; readonly days?: number } = {},
): Promise<DemoSeed> {
  await checkEmpty(settlement, isForced)
  const end = clock.now
  clock.now = dayOf(end, DAYS - days)
  const people = await addPeople(settlement)
  const demo = new Demo(settlement, people)
  await demo.prepare()
  let sessions = 0
  for (let number = DAYS - days; number < DAYS; number++) {
    const day = dayOf(end, number)
    clock.now = day
    const passed = number - (DAYS - days)
    if (passed % 30 === 0) await demo.pay()
    if (passed % 7 === 0) await demo.beginWeek()
    clock.now = day + DAY_MS - 1
    sessions += await demo.liveDay(day, number)
  }
  clock.now = end
  await demo.finish(end)
  const { organization, apiKey, password } = people
  return { organization, apiKey, password, members: MEMBERS.map(({ email }) => email), sessions }
}

async function checkEmpty({ store, stripeDouble }: Settlement, isForced: boolean): Promise<void> {
  if (stripeDouble === undefined) {
    throw new SettlementError(
      'HANSE_CONFIG_INVALID',
      'the demo pays with the double of Stripe in its own process, never with a real account',
    )
  }
  const { rows } = await store.executeSql('select count(*)::int4 as count from organization')
  if (isForced || Number((rows[0] as { count: unknown }).count) === 0) return
  throw new SettlementError(
    'HANSE_CONFIG_INVALID',
    'there are organizations already: take another data directory, or --force',
  )
}

type People = Awaited<ReturnType<typeof addPeople>>

async function addPeople({ context }: Settlement) {
  const { store, now } = context
  const password = randomUUID()
  const passwordHash = await hashPassword(password)
  const ids: string[] = []
  let founded: Awaited<ReturnType<typeof foundOrganization>> | undefined
  for (const { name, email, role } of MEMBERS) {
    const { link } = newLink(now(), VERIFY_MS)
    await store.signUp({ id: `per_${randomUUID()}`, email, name, passwordHash, link })
    await store.verifyEmail(link.hash, now())
    const person = await store.personByEmail(email)
    if (person === undefined) throw new Error(`${email} did not sign up`)
    ids.push(person.id)
    if (founded === undefined) {
      founded = await foundOrganization(context, person, {
        name: 'Nordlicht Software GmbH',
        scopes: SCOPES,
        lawfulBasis: 'contract',
      })
      continue
    }
    const { organization } = founded
    const { link: invitation } = newLink(now(), VERIFY_MS)
    const invited = { organization, email, role, invitedBy: ids[0] ?? '', ...invitation }
    await store.addInvitation({ ...invited, id: `inv_${randomUUID()}` })
    await store.acceptInvitation(invitation.hash, person.id, now())
  }
  if (founded === undefined) throw new Error('nobody founded the organization')
  return { ...founded, password, ids }
}

/** The organization at work. */
class Demo {
  readonly #settlement: Settlement
  readonly #people: People
  readonly #consumer: Signer = newSigner()
  readonly #providers: Signer[] = []
  readonly #keys: string[] = []
  /** Of this week, by key and provider. */
  readonly #holds = new Map<string, SignedRecord>()

  constructor(settlement: Settlement, people: People) {
    this.#settlement = settlement
    this.#people = people
  }

  async prepare(): Promise<void> {
    const { store, now } = this.#settlement.context
    const { organization, ids } = this.#people
    await store.bindConsumers(organization, [this.#consumer.peerId], now())
    for (const { country } of PROVIDERS) this.#providers.push(await this.#addProvider(country))
    for (const [i, { name, tags }] of KEYS.entries()) {
      const { prefix, hash } = createApiKey()
      const createdBy = `person:${ids[i % ids.length]}`
      const scopes = ['spend', 'read'] as const
      await store.addKey({ organization, prefix, hash, name, scopes, createdBy, tags, at: now() })
      this.#keys.push(prefix)
    }
    for (const [team, keys] of Map.groupBy(KEYS, (key) => key.team)) {
      await this.#ask('PUT', `/v1/teams/${team}`, { keys: keys.map(({ name }) => name) })
    }
    for (const budget of BUDGETS) await this.#ask('POST', '/v1/budgets', budget)
  }

  async pay(): Promise<void> {
    const { organization } = this.#people
    const paymentMethod = 'pm_card_bypassPending'
    const given = { organization, cents: TOP_UP_CENTS, paymentMethod, idempotencyKey: randomUUID() }
    await topUp(this.#settlement.context, given)
  }

  async beginWeek(): Promise<void> {
    this.#holds.clear()
    await releaseExpired(this.#settlement.context)
    await this.#document()
  }

  /** @returns how many sessions there were */
  async liveDay(day: number, number: number): Promise<number> {
    const { context } = this.#settlement
    const sessions = sessionsOf(day, number)
    const made = []
    for (const session of sessions) made.push(await this.#talkOf(session, day))
    const results = await ingest(
      context,
      made.map(({ submission }) => submission),
    )
    const refused = results.find(({ status }) => status !== 'booked')
    if (refused !== undefined) throw new Error(`not settled: ${JSON.stringify(refused)}`)
    const notes = made.map(({ note }) => givenNote(note))
    await context.store.keepNotes(this.#consumer.peerId, notes, context.now())
    const outcomes = made.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]))
    if (outcomes.length > 0) await this.#ask('POST', '/v1/outcomes', { outcomes })
    return sessions.length
  }

  async finish(end: number): Promise<void> {
    const { context } = this.#settlement
    const { store } = context
    while ((await store.rollUpUsage()).receipts > 0);
    await measureAll(context)
    await takeAllNotes(context)
    const numbers = Array.from({ length: DAYS }, (_, number) => number)
    const rows = numbers.flatMap((number) => elsewhereOf(dayOf(end, number), number))
    const lines = rows.map((row) => JSON.stringify(row)).join('\n')
    await this.#ask('POST', '/v1/imports/litellm', lines)
    await this.#ask('POST', '/v1/bills', billOf(end))
    await this.#document()
  }

  /** Invoices of what was paid, statements of months that are over. */
  async #document(): Promise<void> {
    const { context } = this.#settlement
    await issueDue(context)
    // Nobody looks after a demo.
    const terms = { ...context.terms, closeMonths: 'auto' as const }
    await closeDueMonths({ ...context, terms })
  }

  async #talkOf(session: DemoSession, day: number) {
    const { at, key, provider, inputTokens, price, model, engine, tags, user } = session
    const talked = converse({
      network: this.#settlement.context.network,
      consumer: this.#consumer,
      provider: this.#providers[provider] as Signer,
      authorization: await this.#hold(key, provider, day),
      remaining: HOLD,
      order: orderOf(at, model, inputTokens, price),
      inputTokens,
      engine,
    })
    const { session: id, firstMs, totalMs } = talked
    const note = { session: id, tags, user, firstMs, totalMs, receipt: null }
    const said = { session: id, at: new Date(at + totalMs).toISOString() }
    const outcome = session.outcome && {
      ...said,
      ...session.outcome,
      promptVersion: 'v2',
      tags: [...(KEYS[key]?.tags ?? [])],
    }
    return { submission: talked.submission, note, outcome }
  }

  async #hold(key: number, provider: number, day: number): Promise<SignedRecord> {
    const name = `${key}/${provider}`
    const known = this.#holds.get(name)
    if (known !== undefined) return known
    const { context } = this.#settlement
    const { organization, ids } = this.#people
    const { name: of, team, tags } = KEYS[key] as (typeof KEYS)[number]
    // As if it had been asked for in the morning.
    const made = await authorize(
      { ...context, now: () => day },
      {
        organization,
        consumer: this.#consumer.peerId,
        provider: (this.#providers[provider] as Signer).peerId,
        limit: HOLD,
        lifetimeMs: WEEK_MS,
        idempotencyKey: null,
        attribution: { key: of, team, tags },
        by: { key: this.#keys[key] ?? '', member: ids[key % ids.length] ?? '' },
      },
    )
    this.#holds.set(name, made)
    return made
  }

  async #addProvider(country: string): Promise<Signer> {
    const { context, stripeDouble } = this.#settlement
    const { store, payments, now, terms } = context
    const signer = newSigner()
    const { peerId } = signer
    const { feeBps } = terms
    await store.addProvider({ peerId, country, feeBps, binding: new Uint8Array(1), at: now() })
    const made = { providerId: peerId, country, operation: `provider-${peerId}` }
    const { account } = await payments.createProviderAccount(made)
    await store.setProviderAccount(peerId, account)
    await stripeDouble?.setTransfers(account, 'active')
    await refreshProvider(context, peerId)
    return signer
  }

  /** As the organization asks over HTTP. */
  async #ask(method: 'POST' | 'PUT', url: string, body: object | string): Promise<void> {
    const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json'
    const headers = { authorization: `Bearer ${this.#people.apiKey}`, 'content-type': type }
    const payload = typeof body === 'string' ? body : JSON.stringify(body)
    const { statusCode, body: answer } = await this.#settlement.app.inject({
      method,
      url,
      headers,
      payload,
    })
    if (statusCode >= 300) throw new Error(`${method} ${url}: ${statusCode} ${answer}`)
  }
}

/** What a gateway orders for a request. */
function orderOf(
  at: number,
  model: string,
  maxInputTokens: bigint,
  price: DemoSession['price'],
): Talk['order'] {
  return {
    offer: cidOf(encodeCanonical('offer')),
    model,
    maxInputTokens,
    maxOutputTokens: OUTPUT_TOKENS_MAX,
    inputPrice: price.input,
    outputPrice: price.output,
    residency: ANYWHERE,
    receiptEvery: RECEIPT_EVERY,
    creditWindow: CREDIT_WINDOW,
    deadlineMs: DEADLINE_MS,
    issuedAt: at,
    notAfter: at + 60_000,
    nonce: crypto.getRandomValues(new Uint8Array(16)),
    quote: null,
    continues: null,
  }
}

const euro = (amount: number): string => String(BigInt(amount) * 10n ** 12n)

const BUDGETS = [
  { name: 'Everything', amount: euro(120), window: { kind: 'month' } },
  { name: 'Product', scope: { team: 'product' }, amount: euro(80), window: { kind: 'month' } },
  { name: 'CI', scope: { key: 'ci' }, amount: euro(60), window: { kind: 'week' } },
].map((budget) => ({ ...budget, thresholds: [{ percent: 80, action: 'notify' }] }))

/** Of the last month that is over: a little more than was metered. */
function billOf(end: number): object {
  const date = new Date(end)
  const first = (back: number) =>
    new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - back, 1))
      .toISOString()
      .slice(0, 10)
  return {
    provider: 'openai',
    reference: `DEMO-${first(1).slice(0, 7)}`,
    currency: 'USD',
    periodStart: first(1),
    periodEnd: first(0),
    lines: [{ model: 'gpt-4o', amount: '13.10' }],
  }
}

const newSigner = (): Signer => signerOf(crypto.getRandomValues(new Uint8Array(32)))
