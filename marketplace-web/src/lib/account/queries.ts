import type { Body } from '@hanse/client'
import { ApiError } from '#lib/api.ts'
import { lastReceipts } from './receipts.ts'
import { session } from './session.svelte.ts'
import { lastDays, readSpend } from './spend.ts'

// Answers that several pages show. Each is asked for once, and again when it is old.

export const balance = () =>
  session.query('balance', async (client) => {
    const { available, held, debt } = await client.get('/v1/balance')
    return { available: BigInt(available), held: BigInt(held), debt: BigInt(debt) }
  })

export const keys = () =>
  session.query('keys', async (client) => {
    const rows = []
    for await (const row of client.each('/v1/keys', { params: { query: { limit: 500 } } }))
      rows.push(row)
    return rows
  })
export type Key = NonNullable<ReturnType<typeof keys>['data']>[number]

export const budgets = () =>
  session.query('budgets', async (client) => (await client.get('/v1/budgets')).budgets)
export type Budget = NonNullable<ReturnType<typeof budgets>['data']>[number]

export const latest = () => session.query('latest', (client) => lastReceipts(client, 5))

export const forecast = () =>
  session.query('forecast', (client) =>
    client.get('/v1/forecast', { params: { query: { days: 30 } } }),
  )

export const spendOfDays = (count: number) =>
  session.query(`spend ${count}`, async (client) => {
    const days = lastDays(count, Date.now())
    return { days, rows: await readSpend(client, days, 'model') }
  })

export const openAnomalies = () =>
  session.query('anomalies open', async (client) => {
    const query = { open: 'true', limit: 100 } as const
    return (await client.get('/v1/anomalies', { params: { query } })).anomalies
  })

/** What is there, or undefined where the service says that nothing is. */
export async function orNothing<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ApiError && error.code === 'HANSE_NOT_FOUND') return undefined
    throw error
  }
}

export const members = () =>
  session.query('members', async (client) => {
    const rows = []
    for await (const row of client.each('/v1/members', { params: { query: { limit: 500 } } }))
      rows.push(row)
    return rows
  })
export type Member = NonNullable<ReturnType<typeof members>['data']>[number]

export const invitations = () =>
  session.query('invitations', async (client) => (await client.get('/v1/invitations')).invitations)
export type Invitation = NonNullable<ReturnType<typeof invitations>['data']>[number]

export const sso = () => session.query('sso', (client) => client.get('/v1/sso'))
export type Sso = NonNullable<ReturnType<typeof sso>['data']>

export const paymentMethods = () =>
  session.query(
    'methods',
    async (client) => (await client.get('/v1/payment-methods')).paymentMethods,
  )
export type Method = NonNullable<ReturnType<typeof paymentMethods>['data']>[number]

export const topUps = () =>
  session.query(
    'top-ups',
    async (client) =>
      (await client.get('/v1/top-ups', { params: { query: { limit: 20 } } })).topUps,
  )

export const automatic = () =>
  session.query('automatic', async (client) => ({
    settings: await orNothing(client.get('/v1/automatic-top-up')),
  }))

export const plan = () =>
  session.query('plan', async (client) => ({
    offered: (await client.get('/v1/plans')).plans,
    own: await orNothing(client.get('/v1/subscription')),
  }))

export const documents = () =>
  session.query('documents', async (client) => {
    const rows = []
    for await (const row of client.each('/v1/documents', { params: { query: { limit: 500 } } }))
      rows.push(row)
    return rows
  })
export type Document = NonNullable<ReturnType<typeof documents>['data']>[number]

export const profile = () =>
  session.query('profile', async (client) => ({
    stored: await orNothing(client.get('/v1/billing/profile')),
  }))

export const channels = () =>
  session.query('channels', async (client) => {
    const [{ channels: all }, { subscriptions }] = await Promise.all([
      client.get('/v1/channels'),
      client.get('/v1/subscriptions'),
    ])
    return all.map((channel) => ({
      ...channel,
      subscriptions: subscriptions.filter((one) => one.channel === channel.id),
    }))
  })
export type Channel = NonNullable<ReturnType<typeof channels>['data']>[number]

export const schedules = () =>
  session.query(
    'schedules',
    async (client) => (await client.get('/v1/exports/schedules')).schedules,
  )

export const runs = () =>
  session.query(
    'runs',
    async (client) =>
      (await client.get('/v1/exports/runs', { params: { query: { limit: 100 } } })).runs,
  )

export type Basis = Body<'/v1/gdpr/bases', 'post'>['basis']

/** Whether a lawful basis stands; `undefined` where the service wants none, or who looks may not know. */
export const lawfulBasis = () =>
  session.query('basis', async (client) => {
    if (!session.can('settings:read')) return { stands: undefined }
    const found = await orNothing(client.get('/v1/gdpr/bases'))
    const stands = found?.bases.some(
      (one) => one.withdrawnAt === null && one.version === found.version,
    )
    return { stands }
  })
