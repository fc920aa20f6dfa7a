// Somebody with two nodes: one that has earned for some months on a market of paper offers, one that was linked just now.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { addPerson, newSigner, prepareDataDir, signIn } from '@hanse/settlement/testing'
import type { Page } from 'playwright-core'
import { freePort } from './free-port.ts'
import { PaperMarket } from './paper-market.ts'
import { someProviders } from './paper-offers.ts'
import { Site } from './site.ts'

const DAY_MS = 86_400_000
const EURO = 10n ** 12n

export class ProviderDesk implements AsyncDisposable {
  readonly site: Site
  readonly settlement: Settlement
  readonly market: PaperMarket
  readonly #person: string
  readonly #stack: AsyncDisposableStack

  private constructor(
    site: Site,
    settlement: Settlement,
    market: PaperMarket,
    person: string,
    stack: AsyncDisposableStack,
  ) {
    this.site = site
    this.settlement = settlement
    this.market = market
    this.#person = person
    this.#stack = stack
  }

  static async open(): Promise<ProviderDesk> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-nodes-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await prepareDataDir(dataDir)
    const market = stack.use(await PaperMarket.open(someProviders()))
    const network = market.networkName
    const port = await freePort()
    const webOrigin = `http://127.0.0.1:${port}`
    const settlement = stack.use(await openSettlement({ dataDir, network, webOrigin }))
    const joined = { name: network, bootstrap: [market.bootstrap] }
    const site = stack.use(
      await Site.open({ settlementUrl: settlement.url, port, network: joined }),
    )
    const { id } = await addPerson(settlement.context, 'ada@example.org')
    await seed(settlement, market, id)
    return new ProviderDesk(site, settlement, market, id, stack.move())
  }

  /** As a browser is that was signed in a moment ago. */
  async signIn(page: Page): Promise<void> {
    const { cookie = '' } = await signIn(this.settlement.context, this.#person)
    const [name = '', value = ''] = cookie.split('=')
    await page.context().addCookies([{ name, value, url: this.settlement.url }])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

/** Only what pages show: the books of it do not balance. */
async function seed({ store, context }: Settlement, market: PaperMarket, person: string) {
  const at = context.now()
  const [peerId = ''] = market.providers.filter((one) => (market.pings.get(one)?.length ?? 0) > 0)
  const sql = (text: string, ...values: unknown[]) => store.executeSql(text, values)
  const iso = (time: number) => new Date(time).toISOString()
  for (const [node, days] of [
    [peerId, 90],
    [newSigner().peerId, 0],
  ] as const) {
    await sql(
      'insert into provider_link (peer_id, person, linked_at) values ($1, $2, $3)',
      node,
      person,
      iso(at - days * DAY_MS),
    )
  }
  const provider = { peerId, country: 'DE', feeBps: 2_500, binding: new Uint8Array(1), at }
  await store.addProvider(provider)
  const { account } = await context.payments.createProviderAccount({
    providerId: peerId,
    country: 'DE',
    operation: 'desk',
  })
  await store.setProviderAccount(peerId, account)
  const url = await context.payments.onboardingLink({
    account,
    useCase: 'onboarding',
    returnUrl: 'http://127.0.0.1/',
    refreshUrl: 'http://127.0.0.1/',
    operation: 'desk-link',
  })
  await fetch(url, { redirect: 'manual' })
  const address = { street: 'Hafen 1', postalCode: '20457', city: 'Hamburg', country: 'DE' }
  await store.setProviderProfile(
    peerId,
    {
      kind: 'business',
      name: 'Ada GmbH',
      ...address,
      vatId: 'DE123456789',
      selfBillingTerms: '2026-11',
    },
    at,
  )
  await store.setTrader(
    peerId,
    { telephone: '+4940123456', email: 'kontor@example.org', certification: '2026-11', tins: [] },
    at,
  )
  for (const [kind, amount] of [
    ['payable', 12n * EURO + 345_678_900_000n],
    ['held_back', 8n * EURO],
    ['payout_in_transit', 0n],
  ] as const) {
    const id = `${kind}/${peerId}`
    await sql('insert into ledger_account (id, kind, owner) values ($1, $2, $3)', id, kind, peerId)
    await sql(
      'insert into ledger_balance (account, debits, credits, guarded) values ($1, 0, $2, true)',
      id,
      `${amount}`,
    )
  }
  for (const [days, share] of [
    [3, 5_000],
    [9, 2_000],
  ] as const) {
    await sql(
      `insert into held_earnings (id, provider, amount, share_bps, days, earned_on, free_at) values ($1, $2, $3, $4, 14, $5::timestamptz::date, $5::timestamptz)`,
      `he-${days}`,
      peerId,
      `${4n * EURO}`,
      share,
      iso(at + days * DAY_MS),
    )
  }
  for (const [days, cents, state, failure] of [
    [1, 1_845, 'paid', null],
    [2, 990, 'paid', null],
    [3, 120, 'failed', 'the account cannot take transfers now'],
  ] as const) {
    await sql(
      `insert into payout (id, provider, account, cents, state, failure, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $7)`,
      `po-${days}`,
      peerId,
      account,
      cents,
      state,
      failure,
      iso(at - days * DAY_MS),
    )
  }
  await sql(
    `insert into bank_payout (id, provider, cents, state, arrives_at, created_at, updated_at) values ('bp', $1, 990, 'in_transit', $2, $3, $3)`,
    peerId,
    iso(at + DAY_MS),
    iso(at - DAY_MS),
  )
  for (let month = 0; month < 4; month++) {
    for (const model of ['meta/llama-3.3-70b:q4', 'mistral/small-3.2:q8']) {
      await sql(
        `insert into service_hour (organization, provider, model, hour, good, failed, ended, cut, pace_20, pace_28, pace_80)
          values ('org_desk', $1, $2, date_trunc('hour', $3::timestamptz), $4, $5, 12, 3, $6, $7, 9)`,
        peerId,
        model,
        iso(at - DAY_MS - month * 30 * DAY_MS),
        840 - month * 190,
        month + 1,
        500 - month * 120,
        260 - month * 60,
      )
    }
  }
  const evidence = {
    country: 'DE',
    outcome: 'supports',
    observedAt: at - DAY_MS,
    expiresAt: at + 29 * DAY_MS,
  } as const
  await store.recordLocationEvidence(
    peerId,
    [
      { ...evidence, kind: 'geoip', reference: 'geo-whois-asn-country 2026-11', pings: [] },
      { ...evidence, kind: 'latency', reference: '', pings: market.pings.get(peerId) ?? [] },
    ],
    at,
  )
}
