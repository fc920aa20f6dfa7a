import { randomUUID } from 'node:crypto'
import type { Signer } from '@hanse/protocol'
import type { SettlementContext } from '../../context.ts'
import { cardText, flatModel } from '../../costs/testing/card-text.ts'
import { issueDue } from '../../documents/issue-due.ts'
import { newLinkCode } from '../../provider-links/link-code.ts'
import { runDataExports } from '../../rights/run-exports.ts'
import type { StripeDouble } from '../../stripe/index.ts'
import { newSigner } from '../../testing/deals.ts'
import { addProvider, CENT, credit, hold } from '../../testing/market.ts'
import type { AccessApp } from './access-app.ts'
import { addKeyOf, addMemberOf, addOrganization, type TestPerson } from './people.ts'

/** What a word of an organization begins with that nobody else may read. */
const SECRET = 'geheim'

export interface SeededTenant {
  readonly organization: string
  readonly owner: TestPerson
  /** Of each kind of id that paths name: the segment before it, and its name. */
  readonly ids: Readonly<Record<string, string>>
  /** What must not be in an answer to anybody else. */
  readonly secrets: readonly string[]
}

/** An app that answers, over any database. */
interface Seeded extends Pick<AccessApp, 'app'> {
  readonly context: SettlementContext
}

/** An organization that has one of everything that a path of the API can name, made over the API where that makes it. */
export async function seedTenant(
  { app, context }: Seeded,
  double: StripeDouble,
): Promise<SeededTenant> {
  const { store, now } = context
  const name = `${SECRET} Werke AG`
  const { organization } = await addOrganization(context, name)
  const owner = await addMemberOf(context, organization, 'owner', `owner@${SECRET}.example`)
  const member = await addMemberOf(context, organization, 'developer', `dev@${SECRET}.example`)
  const { prefix } = await addKeyOf(context, organization)
  let asked = 0
  const ask = async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object) => {
    const answer = await app.inject({
      method,
      url,
      headers: { ...owner.headers, 'idempotency-key': `seed-${asked++}` },
      ...(payload !== undefined && { payload }),
    })
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`)
    return answer.json()
  }

  const consumer = newSigner()
  await store.bindConsumers(organization, [consumer.peerId], now())
  const provider = await addProvider(context)
  await addOwnedNode(context, owner, provider)
  const topUp = (await credit(context, organization, 10_000n)).slice('pi_'.length)
  await hold(context, { organization, consumer }, provider, 5n * CENT)
  const { authorizations } = await ask('GET', '/v1/authorizations')
  const invitation = await ask('POST', '/v1/invitations', {
    email: `invited@${SECRET}.example`,
    role: 'auditor',
  })
  await ask('POST', '/v1/sso/domains', { domain: `${SECRET}.example` })

  const user = { userName: `user@${SECRET}.example`, name: '', active: true }
  await store.verifySsoDomain(organization, `${SECRET}.example`, now())
  await store.addScimUser(organization, user, now())
  const group = `grp_${randomUUID()}`
  await store.addScimGroup(organization, { id: group, name: `${SECRET} group`, members: [] }, now())

  const budget = await ask('POST', '/v1/budgets', BUDGET)
  await ask('PUT', `/v1/teams/${SECRET}-team`, { keys: [] })
  await ask('POST', '/v1/policies', POLICY)
  const { version } = await ask('POST', '/v1/policies', { ...POLICY, activate: true })
  const trail = await ask('GET', '/v1/audit/events?kind=policy-changed')
  const evidence = await ask('POST', '/v1/audit/packages', DAY)
  const card = await ask('POST', '/v1/rate-cards/import', {
    content: cardText(`${SECRET}-card`, { [`${SECRET}-model`]: flatModel('1', '2') }),
  })
  const feed = { card: `${SECRET}-feed`, url: 'https://example.org/', provider: null }
  await store.putRateCardFeed(organization, feed, now())
  const { bill } = await ask('POST', '/v1/bills', BILL)
  await ask('POST', '/v1/outcomes', { outcomes: [{ session: `${SECRET}-session`, good: true }] })

  const address = `ops@${SECRET}.example`
  const channel = await ask('POST', '/v1/channels', {
    kind: 'email',
    name: `${SECRET} ops`,
    address,
  })
  const subscription = await ask('POST', '/v1/subscriptions', { channel: channel.id })
  await store.noteAnomaly({ ...ANOMALY, organization }, now())
  const { anomalies } = await ask('GET', '/v1/anomalies')
  const schedule = await ask('POST', '/v1/exports/schedules', SCHEDULE)
  await store.planExports(now() + 2 * DAY_MS)
  const { runs } = await ask('GET', '/v1/exports/runs')
  await ask('POST', '/v1/allocation-plans', PLAN)

  await ask('PUT', '/v1/billing/profile', { ...PROFILE, name, email: address })
  const checkout = await ask('POST', '/v1/checkouts', CHECKOUT)
  await double.completeCheckout((await store.topUp(checkout.id))?.checkout ?? '')
  const { paymentMethods } = await ask('GET', '/v1/payment-methods')
  const { paymentMethod } = paymentMethods[0]
  await ask('PUT', '/v1/automatic-top-up', { ...AUTOMATIC, paymentMethod })
  await ask('POST', '/v1/subscription', { plan: 'starter', paymentMethod })
  await issueDue(context)
  const { documents } = await ask('GET', '/v1/documents')
  const { number } = documents[0]

  const dataRequest = await ask('POST', '/v1/gdpr/requests', { kind: 'access', note: SECRET })
  const dataExport = await ask('POST', '/v1/gdpr/exports')
  await runDataExports(context, new AbortController().signal)

  const [cid] = authorizations.map((one: { cid: string }) => one.cid)
  return {
    organization,
    owner,
    ids: {
      'keys/prefix': prefix,
      'nodes/peerId': provider.peerId,
      'members/person': member.id,
      'invitations/invitation': invitation.id,
      'scim-groups/group': group,
      'domains/domain': `${SECRET}.example`,
      'top-ups/id': topUp,
      'payment-methods/paymentMethod': paymentMethod,
      'authorizations/cid': cid,
      'anomalies/id': anomalies[0].id,
      'budgets/id': budget.id,
      'teams/name': `${SECRET}-team`,
      'policies/version': String(version),
      'rate-cards/id': card.id,
      'feeds/card': feed.card,
      'bills/id': bill.id,
      'documents/file': number,
      'documents/number': number,
      'lines/line': '1',
      'channels/id': channel.id,
      'subscriptions/id': subscription.id,
      'schedules/id': schedule.id,
      'runs/id': runs[0].id,
      'events/id': trail.events[0].id,
      'packages/id': evidence.id,
      'requests/request': dataRequest.id,
      'exports/export': dataExport.id,
      // What a body may name.
      organization,
      consumer: consumer.peerId,
      provider: provider.peerId,
      card: `${SECRET}-card`,
      session: `${SECRET}-session`,
    },
    secrets: [
      SECRET,
      organization,
      owner.id,
      member.id,
      prefix,
      invitation.id,
      topUp,
      paymentMethod,
      cid,
      budget.id,
      bill.id,
      channel.id,
      subscription.id,
      consumer.peerId,
      schedule.id,
      runs[0].id,
      dataRequest.id,
      dataExport.id,
      evidence.id,
    ],
  }
}

/** The owner looks after a node, of which only they may know whose it is. */
async function addOwnedNode(
  { store, now }: SettlementContext,
  { id: person, email }: TestPerson,
  { peerId }: Signer,
): Promise<void> {
  const { hash } = newLinkCode()
  await store.putLinkCode({ person, hash, expiresAt: now() + 1 })
  await store.linkNode({ hash, email, peerId, at: now() })
  const address = { street: `${SECRET} 2`, postalCode: '20457', city: 'Hamburg', country: 'DE' }
  await store.setProviderProfile(
    peerId,
    { kind: 'private', name: `${SECRET} Rechner`, ...address },
    now(),
  )
}

const BUDGET = { name: `${SECRET} budget`, amount: '5000000000000', window: { kind: 'month' } }
const POLICY = {
  format: 'json',
  source: JSON.stringify({ version: 1, rules: [{ name: SECRET, models: ['*'] }] }),
}
const BILL = {
  provider: 'elsewhere',
  reference: `${SECRET}-1`,
  currency: 'EUR',
  periodStart: '2026-10-01',
  periodEnd: '2026-11-01',
  lines: [{ amount: '12.34', model: `${SECRET}-model` }],
}
const DAY_MS = 86_400_000
const DAY = { from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z' }
const SCHEDULE = {
  name: `${SECRET} lake`,
  content: 'usage',
  every: 'day',
  putTo: `https://${SECRET}.example/`,
}
const PLAN = {
  effectiveFrom: '2026-10',
  rules: [{ name: SECRET, when: {}, to: `${SECRET}-centre` }],
}
const ANOMALY = {
  day: '2026-10-30',
  direction: 'up',
  severity: 'warning',
  hours: 24,
  expected: 1n,
  lower: 0n,
  upper: 2n,
  actual: 9n,
  score: 5,
  explanation: { summary: `${SECRET} model`, percent: 800, startedHour: null, contributions: [] },
} as const
const PROFILE = {
  kind: 'consumer',
  line1: `${SECRET} 1`,
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
}
const PAGES = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
const CHECKOUT = { cents: '1000', ...PAGES, savePaymentMethod: true }
const AUTOMATIC = { enabled: false, thresholdCents: '500', cents: '2000', monthlyCents: '5000' }
