import { writeSubmissions } from '../../receipts/submission.ts'

type Ids = Readonly<Record<string, string>>

export interface Sample {
  /** An object is sent as JSON. */
  readonly body?: object | string
  readonly type?: string
  readonly query?: Readonly<Record<string, string>>
}

const HOURS = { from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00Z' }
const DAYS = { from: '2026-10-30', to: '2026-11-02' }
const PAGES = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
const BUDGET = { name: 'b', amount: '5000000000000', window: { kind: 'month' } }
const RULES = [{ name: 'all', when: {}, to: 'c' }]
const POLICY = { format: 'json', source: '{"version":1,"rules":[{"name":"r","models":["x"]}]}' }
const BILL = {
  provider: 'elsewhere',
  reference: '2',
  currency: 'EUR',
  periodStart: '2026-10-01',
  periodEnd: '2026-11-01',
}

/**
 * Requests that are good but for whose the things are that they name, by route, as `POST /v1/budgets`. What is not here is
 * sent with the least that the route's own schema allows.
 */
export const TENANT_SAMPLES: Readonly<Record<string, (ids: Ids) => Sample>> = {
  'POST /v1/gdpr/erase': ({ organization }) => ({ body: { confirm: organization } }),
  // Each look is written down: what is asked for here are the changes.
  'GET /v1/access-log': () => ({ query: { outcome: '200' } }),
  'GET /v1/audit/events': () => ({ query: { kind: 'policy-changed' } }),
  'GET /v1/audit/overview': () => ({ query: { kind: 'policy-changed' } }),
  'POST /v1/audit/packages': () => ({ body: HOURS }),
  'GET /v1/usage': () => ({ query: HOURS }),
  'GET /v1/spend': () => ({ query: HOURS }),
  'GET /v1/service-levels/measurements': () => ({ query: HOURS }),
  'POST /v1/service-levels/timings': () => ({
    body: Buffer.from(writeSubmissions([])),
    type: 'application/cbor',
  }),
  'GET /v1/returns': () => ({ query: HOURS }),
  'GET /v1/costs': () => ({ query: DAYS }),
  'GET /v1/exports/focus': () => ({ query: DAYS }),
  'GET /v1/exports/showback': () => ({ query: { month: '2026-10' } }),
  'GET /v1/showback': () => ({ query: { month: '2026-10' } }),
  'POST /v1/allocation-plans': () => ({ body: { effectiveFrom: '2026-10', rules: RULES } }),
  'POST /v1/allocation-plans/dry-run': () => ({ body: { month: '2026-10', rules: RULES } }),
  'POST /v1/exports/schedules': () => ({ body: { name: 's', content: 'usage', every: 'day' } }),
  'PUT /v1/exports/schedules/{id}/target': () => ({ body: { putTo: 'https://else.example/' } }),
  'PUT /v1/keys/{prefix}/tags': () => ({ body: { tags: ['changed'] } }),
  'POST /v1/keys': () => ({ body: { name: 'another', scopes: ['read'] } }),
  'PUT /v1/members/{person}': () => ({ body: { role: 'auditor' } }),
  'POST /v1/invitations': () => ({ body: { email: 'else@example.org', role: 'auditor' } }),
  'PUT /v1/scim-groups/{group}': () => ({ body: { role: 'auditor' } }),
  'PUT /v1/sso': () => ({
    body: { issuer: 'https://127.0.0.1:9/', clientId: 'x', clientSecret: 'x' },
  }),
  'POST /v1/sso/domains': () => ({ body: { domain: 'else.example' } }),
  'POST /v1/top-ups': (ids) => ({
    body: { cents: '700', paymentMethod: ids['payment-methods/paymentMethod'] },
  }),
  'POST /v1/checkouts': () => ({ body: { cents: '700', ...PAGES } }),
  'PUT /v1/automatic-top-up': (ids) => ({
    body: {
      enabled: false,
      thresholdCents: '500',
      cents: '2000',
      monthlyCents: '6000',
      paymentMethod: ids['payment-methods/paymentMethod'],
    },
  }),
  'PUT /v1/billing/profile': () => ({
    body: {
      kind: 'consumer',
      name: 'J',
      email: 'j@example.org',
      line1: 'R 1',
      postalCode: '75001',
      city: 'Paris',
      country: 'FR',
    },
  }),
  'POST /v1/payment-methods': () => ({ body: PAGES }),
  'POST /v1/refunds': (ids) => ({ body: { topUp: ids['top-ups/id'], cents: '100' } }),
  'POST /v1/subscription': (ids) => ({
    body: { plan: 'starter', paymentMethod: ids['payment-methods/paymentMethod'] },
  }),
  'POST /v1/authorizations': ({ consumer, provider }) => ({
    body: { consumer, provider, amount: '1000' },
  }),
  'POST /v1/authorizations/{cid}/top-ups': () => ({ body: { amount: '1000' } }),
  'POST /v1/budgets': (ids) => ({
    body: { ...BUDGET, scope: { team: ids['teams/name'] } },
  }),
  'PUT /v1/budgets/{id}': () => ({ body: { ...BUDGET, name: 'changed' } }),
  'PUT /v1/teams/{name}': (ids) => ({ body: { keys: [ids['keys/prefix']] } }),
  'PUT /v1/spending-settings': () => ({ body: { timeZone: 'Europe/Berlin' } }),
  'POST /v1/policies': () => ({ body: POLICY }),
  'POST /v1/policies/check': () => ({ body: POLICY }),
  'POST /v1/policies/dry-run': () => ({ body: POLICY }),
  'POST /v1/gateway-rules/spend': (ids) => ({
    body: {
      gateway: ids.consumer,
      budgets: [{ budget: ids['budgets/id'], from: 1_793_491_200_000, spent: '1', held: '0' }],
    },
  }),
  'POST /v1/costs/what-if': ({ card }) => ({ body: { ...DAYS, card } }),
  'POST /v1/rate-cards/import': () => ({ body: { content: '{}' } }),
  'POST /v1/bills': () => ({ body: { ...BILL, lines: [{ amount: '1.00' }] } }),
  'POST /v1/bills/csv': () => ({
    query: BILL,
    body: 'amount,model,sku\n1.00,m,\n',
    type: 'text/csv',
  }),
  'POST /v1/bills/{id}/decisions': () => ({
    body: { model: 'geheim-model', state: 'accepted', reason: 'r' },
  }),
  'POST /v1/outcomes': ({ session }) => ({ body: { outcomes: [{ session, good: false }] } }),
  'POST /v1/channels': () => ({
    body: { kind: 'email', name: 'ops', address: 'ops@else.example' },
  }),
  'PATCH /v1/channels/{id}': () => ({ body: { name: 'changed' } }),
  'POST /v1/subscriptions': (ids) => ({ body: { channel: ids['channels/id'] } }),
  'POST /v1/deliveries/replay': (ids) => ({ body: { channel: ids['channels/id'] } }),
  'POST /v1/deliveries/purge': (ids) => ({ body: { channel: ids['channels/id'] } }),
  'POST /v1/imports/{format}': () => ({
    query: { source: 'else' },
    body: 'id\n1\n',
    type: 'text/csv',
  }),
  'POST /v1/otlp/v1/traces': () => ({ body: { resourceSpans: [] } }),
}
