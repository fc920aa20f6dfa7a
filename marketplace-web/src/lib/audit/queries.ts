import { session } from '#lib/account/session.svelte.ts'

export const overviewOf = () =>
  session.query('audit overview', (client) => client.get('/v1/audit/overview'))

export const packages = () =>
  session.query(
    'audit packages',
    async (client) =>
      (await client.get('/v1/audit/packages', { params: { query: { limit: 50 } } })).packages,
  )
export type EvidencePackage = NonNullable<ReturnType<typeof packages>['data']>[number]

/** Whose word counts where a package is checked: the settlement service, by its peer id. */
export const identity = () => session.query('identity', (client) => client.get('/v1/identity'))
