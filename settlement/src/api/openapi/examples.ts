import type { RouteName } from './openapi-types.ts'

/** 2026-11-01T00:00:00Z */
const NOVEMBER = 1_793_491_200_000
/** 2026-12-01T00:00:00Z */
const DECEMBER = 1_796_083_200_000

const BUDGET = {
  name: 'Research in November',
  scope: { team: 'research' },
  amount: '250000000000000',
  window: { kind: 'month' },
  thresholds: [
    { percent: 80, on: 'spent', action: 'notify' },
    { percent: 100, on: 'spent', action: 'stop' },
  ],
  carryOver: false,
}

const STORED_BUDGET = {
  id: 'bud_6f1f6b1c-2f0e-4d7e-9a53-0c8a7a3d2f11',
  ...BUDGET,
  slow: null,
  createdBy: 'person:per_1b7c',
  createdAt: NOVEMBER,
  updatedAt: NOVEMBER,
  state: {
    from: NOVEMBER,
    to: DECEMBER,
    amount: '250000000000000',
    spent: '118250000000000',
    held: '400000000000',
    crossed: [],
    forecast: { total: '241900000000000', exceedsOn: null },
  },
}

/** Of what people ask first: a request and what it is answered. Tests read them by the schemas of their routes. */
export const EXAMPLES: Readonly<
  Record<RouteName, { readonly body?: object; readonly answer?: object }>
> = {
  'GET /v1/balance': {
    answer: {
      organization: 'org_3f2a',
      available: '482150000000000',
      held: '400000000000',
      debt: '0',
    },
  },
  'POST /v1/top-ups': {
    body: { cents: '5000', paymentMethod: 'pm_1Qx' },
  },
  'POST /v1/budgets': { body: BUDGET, answer: STORED_BUDGET },
  'GET /v1/budgets': { answer: { budgets: [STORED_BUDGET] } },
  'GET /v1/budgets/{id}': { answer: STORED_BUDGET },
  'PUT /v1/budgets/{id}': { body: BUDGET, answer: STORED_BUDGET },
  'GET /v1/costs': {
    answer: {
      currency: 'EUR',
      costs: [
        {
          day: '2026-11-02',
          key: 'qwen3-8b',
          model: 'qwen3-8b',
          sessions: '412',
          inputTokens: '803412',
          cachedInputTokens: '120000',
          outputTokens: '291004',
          amount: '0.218704',
          fee: '0.0546760',
        },
      ],
      total: {
        sessions: '412',
        inputTokens: '803412',
        cachedInputTokens: '120000',
        outputTokens: '291004',
        amount: '0.218704',
        fee: '0.0546760',
      },
      next: null,
    },
  },
  'POST /v1/costs/what-if': {
    body: {
      from: '2026-10-01',
      to: '2026-11-01',
      card: 'openai',
      models: { 'qwen3-8b': 'gpt-4o-mini' },
      currency: 'EUR',
      rates: [{ from: 'USD', to: 'EUR', date: '2026-10-01', rate: '0.8612' }],
    },
  },
}
