import type { Answer } from '@hanse/client'
import { operators } from './session.svelte.ts'

export type Transfer = Answer<'/v1/admin/ledger/transfers/{transfer}', 'get'>
export type Earnings = Answer<'/v1/admin/payouts/{payout}/earnings', 'get'>
export type SessionTrail = Answer<'/v1/admin/sessions/{session}', 'get'>
export type StatementTrail = Answer<'/v1/admin/statements/{cid}', 'get'>
export type Organization = Answer<'/v1/admin/organizations', 'get'>['organizations'][number]
export type Provider = Answer<'/v1/admin/providers', 'get'>['providers'][number]
export type RightsRequest = Answer<'/v1/admin/gdpr/requests/{request}', 'get'>

export const totals = () =>
  operators.query('ops totals', (client) => client.get('/v1/admin/ledger/totals'))

export const transferOf = (transfer: string) =>
  operators.query(`ops transfer ${transfer}`, (client) =>
    client.get('/v1/admin/ledger/transfers/{transfer}', { params: { path: { transfer } } }),
  )

export const earningsOf = (payout: string) =>
  operators.query(`ops earnings ${payout}`, (client) =>
    client.get('/v1/admin/payouts/{payout}/earnings', { params: { path: { payout } } }),
  )

export const sessionOf = (session: string) =>
  operators.query(`ops session ${session}`, (client) =>
    client.get('/v1/admin/sessions/{session}', { params: { path: { session } } }),
  )

export const organizationOf = (organization: string) =>
  operators.query(`ops organization ${organization}`, (client) =>
    client.get('/v1/admin/organizations/{organization}', { params: { path: { organization } } }),
  )

export const requestOf = (request: string) =>
  operators.query(`ops request ${request}`, (client) =>
    client.get('/v1/admin/gdpr/requests/{request}', { params: { path: { request } } }),
  )

export const locationOf = (peerId: string) =>
  operators.query(`ops location ${peerId}`, (client) =>
    client.get('/v1/admin/attestations/{peerId}', { params: { path: { peerId } } }),
  )

export const traderOf = (peerId: string) =>
  operators.query(`ops trader ${peerId}`, (client) =>
    client.get('/v1/admin/traders/{peerId}', { params: { path: { peerId } } }),
  )

/** As a list of providers has it: there is no other place that tells how its account stands. */
export const providerOf = (peerId: string) =>
  operators.query(`ops provider ${peerId}`, async (client) => {
    const query = { search: peerId, limit: 1 }
    return (await client.get('/v1/admin/providers', { params: { query } })).providers[0]
  })

export const accountOf = (account: string) =>
  operators.query(`ops account ${account}`, async (client) => {
    const slash = account.indexOf('/')
    const query = {
      kind: account.slice(0, slash) as never,
      owner: account.slice(slash + 1),
      limit: 1,
    }
    return (await client.get('/v1/admin/ledger/accounts', { params: { query } })).accounts[0]
  })

export const logState = () => operators.query('ops log', (client) => client.get('/v1/admin/log'))

export const jobs = () => operators.query('ops jobs', (client) => client.get('/v1/admin/jobs'))

export const ingest = () =>
  operators.query('ops ingest', (client) => client.get('/v1/admin/ingest'))
