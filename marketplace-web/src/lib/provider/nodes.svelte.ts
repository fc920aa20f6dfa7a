import type { Answer } from '@hanse/client'
import { orNothing } from '#lib/account/queries.ts'
import { session } from '#lib/account/session.svelte.ts'
import { ApiError } from '#lib/api.ts'

/** Which node was looked at last, in this browser. */
const keptAs = 'hanse-node'

/** Nodes of who is signed in. */
export const nodes = () =>
  session.query('nodes', async (client) => (await client.get('/v1/account/nodes')).nodes)
export type Node = NonNullable<ReturnType<typeof nodes>['data']>[number]

/** Which of them is looked at. */
class Chosen {
  #peerId = $state('')

  get node(): Node | undefined {
    const all = nodes().data
    return all?.find(({ peerId }) => peerId === this.#peerId) ?? all?.[0]
  }

  choose(peerId: string): void {
    this.#peerId = peerId
    try {
      localStorage.setItem(keptAs, peerId)
    } catch {
      // Storage is refused in some private windows: the choice then lasts for this page only.
    }
  }

  /** By the address, as Stripe leads back to it, or as it was last. */
  recall(search: string): void {
    const named = new URLSearchParams(search).get('node')
    if (named !== null) {
      this.choose(named)
      return
    }
    try {
      this.#peerId = localStorage.getItem(keptAs) ?? ''
    } catch {
      this.#peerId = ''
    }
  }
}

export const chosen = new Chosen()

// Answers about one node, each asked for once, and again when it is old.

const path = (peerId: string) => ({ params: { path: { peerId } } }) as const

/** Undefined inside where the node has no payout account yet. */
export const account = (peerId: string) =>
  session.query(`node ${peerId} account`, async (client) => ({
    account: await orUnknown(client.get('/v1/account/nodes/{peerId}/payout-account', path(peerId))),
  }))

export const earnings = (peerId: string) =>
  session.query(`node ${peerId} earnings`, async (client) => ({
    earnings: await orUnknown(client.get('/v1/account/nodes/{peerId}/earnings', path(peerId))),
  }))
export type Earnings = Answer<'/v1/account/nodes/{peerId}/earnings', 'get'>

export const terms = () => session.query('terms', (client) => client.get('/v1/terms'))

export const taxProfile = (peerId: string) =>
  session.query(`node ${peerId} tax`, (client) =>
    client.get('/v1/account/nodes/{peerId}/tax-profile', path(peerId)),
  )

/** Undefined inside where the service asks nobody who they are, or does not know the node yet. */
export const trader = (peerId: string) =>
  session.query(`node ${peerId} trader`, async (client) => ({
    trader: await orUnknown(
      orNothing(client.get('/v1/account/nodes/{peerId}/trader', path(peerId))),
    ),
  }))
export type Trader = Answer<'/v1/account/nodes/{peerId}/trader', 'get'>

/** The same of where it is. */
export const location = (peerId: string) =>
  session.query(`node ${peerId} location`, async (client) => ({
    location: await orUnknown(
      orNothing(client.get('/v1/account/nodes/{peerId}/attestations', path(peerId))),
    ),
  }))
export type Location = Answer<'/v1/account/nodes/{peerId}/attestations', 'get'>

export const documents = (peerId: string) =>
  session.query(`node ${peerId} documents`, async (client) => {
    const rows = []
    const params = { path: { peerId }, query: { limit: 500 } }
    for await (const row of client.each('/v1/account/nodes/{peerId}/documents', { params }))
      rows.push(row)
    return rows
  })

export const alerts = (peerId: string) =>
  session.query(
    `node ${peerId} alerts`,
    async (client) => (await client.get('/v1/account/nodes/{peerId}/alerts', path(peerId))).alerts,
  )
export type Alert = Answer<'/v1/account/nodes/{peerId}/alerts', 'get'>['alerts'][number]

/** How sessions went, by month or model, the last year. */
export const served = (peerId: string, group: 'month' | 'model') =>
  session.query(`node ${peerId} served ${group}`, async (client) => {
    const { from, to } = lastYear(Date.now())
    const query = { from, to, group, limit: 1_000 } as const
    const params = { path: { peerId }, query }
    const { measurements } = await client.get('/v1/account/nodes/{peerId}/service-levels', {
      params,
    })
    return measurements
  })
export type Served = NonNullable<ReturnType<typeof served>['data']>[number]

const HOUR_MS = 3_600_000

/** Twelve months, this one with it, to the end of this hour. */
function lastYear(now: number): { readonly from: string; readonly to: string } {
  const date = new Date(now)
  const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 11)
  const to = Math.ceil((now + 1) / HOUR_MS) * HOUR_MS
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
}

/** What is there, or undefined where the service does not know the node as a provider. */
async function orUnknown<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ApiError && error.code === 'HANSE_PROVIDER_UNKNOWN') return undefined
    throw error
  }
}

export type Account = Answer<'/v1/account/nodes/{peerId}/payout-account', 'get'>
export type Tax = Answer<'/v1/account/nodes/{peerId}/tax-profile', 'get'>
