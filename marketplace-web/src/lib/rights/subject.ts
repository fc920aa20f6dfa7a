import type { Answer, Body } from '@hanse/client'
import { session } from '#lib/account/session.svelte.ts'
import type { Client } from '#lib/api.ts'
import { m } from '#lib/i18n.ts'
import type { Query } from '#lib/query.svelte.ts'

export type RightsRequest = Answer<'/v1/gdpr/requests', 'get'>['requests'][number]
export type DataExport = Answer<'/v1/gdpr/exports', 'get'>['exports'][number]
export type Ask = Body<'/v1/gdpr/requests', 'post'>
export type Erased = Answer<'/v1/gdpr/erase', 'post'>

/** Whose data it is about: the same questions, to routes of their own. */
export type Subject = {
  readonly requests: () => Query<readonly RightsRequest[]>
  readonly exports: () => Query<readonly DataExport[]>
  readonly ask: (client: Client, body: Ask) => Promise<unknown>
  /** Ends a restriction that the subject asked for. */
  readonly lift: (client: Client, request: string) => Promise<unknown>
  readonly export: (client: Client) => Promise<unknown>
  readonly file: (client: Client, id: string) => Promise<unknown>
}

/** More are no list that anybody reads. */
const limit = 100

export const ofOrganization: Subject = {
  requests: () =>
    session.query('gdpr requests', async (client) => {
      const { requests } = await client.get('/v1/gdpr/requests', { params: { query: { limit } } })
      return requests
    }),
  exports: () =>
    session.query('gdpr exports', async (client) => (await client.get('/v1/gdpr/exports')).exports),
  ask: (client, body) => client.post('/v1/gdpr/requests', { body }),
  lift: (client, request) =>
    client.post('/v1/gdpr/requests/{request}/withdraw', { params: { path: { request } } }),
  export: (client) => client.post('/v1/gdpr/exports'),
  file: (client, id) =>
    client.get('/v1/gdpr/exports/{export}/file', {
      params: { path: { export: id } },
      parseAs: 'blob',
    }),
}

export const ofPerson: Subject = {
  requests: () =>
    session.query('own requests', async (client) => {
      const params = { query: { limit } }
      return (await client.get('/v1/gdpr/me/requests', { params })).requests
    }),
  exports: () =>
    session.query(
      'own exports',
      async (client) => (await client.get('/v1/gdpr/me/exports')).exports,
    ),
  ask: (client, body) => client.post('/v1/gdpr/me/requests', { body }),
  lift: (client, request) =>
    client.post('/v1/gdpr/me/requests/{request}/withdraw', { params: { path: { request } } }),
  export: (client) => client.post('/v1/gdpr/me/exports'),
  file: (client, id) =>
    client.get('/v1/gdpr/me/exports/{export}/file', {
      params: { path: { export: id } },
      parseAs: 'blob',
    }),
}

export const bases = () => session.query('bases', (client) => client.get('/v1/gdpr/bases'))

export const requestKinds = {
  access: m.gdpr_access,
  rectification: m.gdpr_rectification,
  erasure: m.gdpr_erasure,
  restriction: m.gdpr_restriction,
  objection: m.gdpr_objection,
} as const satisfies Record<RightsRequest['kind'], () => string>

export const requestStates = {
  received: m.gdpr_received,
  identified: m.gdpr_identified,
  'in-progress': m.gdpr_in_progress,
  done: m.gdpr_done,
  refused: m.gdpr_refused,
} as const satisfies Record<RightsRequest['state'], () => string>

const steps: Readonly<Record<string, () => string>> = {
  received: m.gdpr_received,
  identified: m.gdpr_identified,
  begun: m.gdpr_begun,
  extended: m.gdpr_extended,
  noted: m.gdpr_noted,
  done: m.gdpr_done,
  refused: m.gdpr_refused,
  announced: m.gdpr_announced,
  lifted: m.gdpr_lifted,
  withdrawn: m.gdpr_step_withdrawn,
}
export const stepName = (step: string): string => steps[step]?.() ?? step
