import { m } from '#lib/i18n.ts'
import { operators } from './session.svelte.ts'

// What the pages about money ask. Lists are newest first; what is older than the first 500 is for exports.
const limit = 500

export const operatorNames = () =>
  operators.query('operators', async (client) => {
    const { operators: all } = await client.get('/v1/admin/operators')
    return new Map(all.map(({ id, name }) => [id, name]))
  })

/** Who decided something: the service itself and root have no row. */
export function nameOf(id: string | null): string {
  if (id === null) return '–'
  if (id === 'system') return m.console_system()
  return operatorNames().data?.get(id) ?? id
}

export const runs = () =>
  operators.query('payout runs', async (client) => {
    await operatorNames().load()
    return (await client.get('/v1/admin/payout-runs', { params: { query: { limit } } })).runs
  })
export type Run = NonNullable<ReturnType<typeof runs>['data']>[number]

export const run = (id: string) =>
  operators.query(`payout run ${id}`, async (client) => {
    await operatorNames().load()
    return client.get('/v1/admin/payout-runs/{run}', { params: { path: { run: id } } })
  })

export const payoutsOf = (id: string) =>
  operators.query(`payouts of ${id}`, async (client) => {
    const rows = []
    for await (const row of client.each('/v1/admin/payouts', {
      params: { query: { limit, run: id } },
    }))
      rows.push(row)
    return rows
  })
export type Payout = NonNullable<ReturnType<typeof payoutsOf>['data']>[number]

export const payout = (id: string) =>
  operators.query(`payout ${id}`, (client) =>
    client.get('/v1/admin/payouts/{payout}', { params: { path: { payout: id } } }),
  )

export const holds = () =>
  operators.query('holds', async (client) => {
    await operatorNames().load()
    return (await client.get('/v1/admin/payout-holds', { params: { query: { limit } } })).holds
  })
export type Hold = NonNullable<ReturnType<typeof holds>['data']>[number]

export const differences = (outstanding: boolean) =>
  operators.query(`differences ${outstanding}`, async (client) => {
    await operatorNames().load()
    const query = { limit, outstanding: outstanding ? 'true' : 'false' } as const
    return (await client.get('/v1/admin/differences', { params: { query } })).differences
  })
export type Difference = NonNullable<ReturnType<typeof differences>['data']>[number]

export const difference = (id: string) =>
  operators.query(`difference ${id}`, async (client) => {
    await operatorNames().load()
    const path = { difference: id }
    return client.get('/v1/admin/differences/{difference}', { params: { path } })
  })

/** The last one, where there was any. */
export const lastReconciliation = () =>
  operators.query('reconciliation', async (client) => {
    const query = { limit: 1 }
    const found = await client.get('/v1/admin/reconciliations', { params: { query } })
    return { last: found.reconciliations[0] }
  })

export const disputes = () =>
  operators.query(
    'disputes',
    async (client) =>
      (await client.get('/v1/admin/disputes', { params: { query: { limit } } })).disputes,
  )
export type Dispute = NonNullable<ReturnType<typeof disputes>['data']>[number]
/** States in which the bank waits for an answer of ours. */
export const isUnanswered = ({ status }: Dispute): boolean =>
  status === 'inquiry' || status === 'needs-response'

export const adjustments = () =>
  operators.query('adjustments', async (client) => {
    await operatorNames().load()
    const rows = []
    for await (const row of client.each('/v1/admin/adjustments', { params: { query: { limit } } }))
      rows.push(row)
    return rows
  })
export type Adjustment = NonNullable<ReturnType<typeof adjustments>['data']>[number]

export const documents = () =>
  operators.query(
    'documents',
    async (client) =>
      (await client.get('/v1/admin/documents', { params: { query: { limit } } })).documents,
  )
export type Document = NonNullable<ReturnType<typeof documents>['data']>[number]

export const months = () =>
  operators.query('months', async (client) => {
    await operatorNames().load()
    return client.get('/v1/admin/months')
  })

type Months = NonNullable<ReturnType<typeof months>['data']>
export type Due = NonNullable<Months['due']>
export type Closes = Months['closes']
export type ClosedMonth = Months['months'][number]
export type MonthPoint = Due['points'][number]
export type PointName = MonthPoint['point']

export const balanceSheet = () =>
  operators.query('balance sheet', (client) => client.get('/v1/admin/ledger/balances'))
export type Balance = NonNullable<ReturnType<typeof balanceSheet>['data']>['balances'][number]

export const jobs = () => operators.query('jobs of money', (client) => client.get('/v1/admin/jobs'))

export const conflicts = () =>
  operators.query(
    'conflicts of money',
    async (client) =>
      (await client.get('/v1/admin/conflicts', { params: { query: { limit: 100 } } })).conflicts,
  )

/** Derives every balance again: asked for by a person, for it reads all of the books. */
export const ledgerCheck = () =>
  operators.query('ledger check', (client) => client.get('/v1/admin/ledger/check'))
