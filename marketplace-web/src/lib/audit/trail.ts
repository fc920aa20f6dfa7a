import type { Answer } from '@hanse/client'
import type { Client } from '#lib/api.ts'
import { m } from '#lib/i18n.ts'
import { shortPeerId } from '#lib/names.ts'

type Page = Answer<'/v1/audit/events', 'get'>
export type TrailEvent = Page['events'][number]
export type Kind = TrailEvent['kind']
export type ProvedEvent = Answer<'/v1/audit/events/{id}', 'get'>
export type Overview = Answer<'/v1/audit/overview', 'get'>

/** What is asked for: days of UTC, and texts that are empty where nothing is asked. */
export type Search = {
  readonly from: string
  readonly last: string
  readonly kind: Kind | ''
  readonly text: string
  readonly model: string
  readonly provider: string
  readonly country: string
  readonly key: string
  readonly record: string
  readonly reason: string
}

const pageSize = 200
const dayMs = 86_400_000

export const kindNames = {
  'receipt-settled': m.audit_kind_receipt,
  'statement-settled': m.audit_kind_statement,
  'attestation-issued': m.audit_kind_attested,
  'attestation-revoked': m.audit_kind_revoked,
  payout: m.audit_kind_payout,
  'policy-violation': m.audit_kind_violation,
  erasure: m.audit_kind_erasure,
  deletion: m.audit_kind_deletion,
  'key-rotation': m.audit_kind_rotation,
  'authorization-issued': m.audit_kind_authorized,
  'authorization-refused': m.audit_kind_refused,
  'policy-changed': m.audit_kind_policy,
  'consent-given': m.audit_kind_basis,
  'consent-withdrawn': m.audit_kind_withdrawn,
  'rights-request': m.audit_kind_request,
  retention: m.audit_kind_retention,
  breach: m.audit_kind_breach,
  'log-read': m.audit_kind_look,
  'document-issued': m.audit_kind_document,
  'document-opened': m.audit_kind_document_opened,
} as const satisfies Record<Kind | 'deletion', () => string>

/** A period of days as the service takes it: its end is not included. */
export const periodOf = ({ from, last }: Pick<Search, 'from' | 'last'>) => ({
  from: `${from}T00:00:00Z`,
  to: new Date(Date.parse(last) + dayMs).toISOString(),
})

/** One page of the trail, newest first; it may be empty and still have a `next`. */
export function searchTrail(client: Client, search: Search, before?: string): Promise<Page> {
  const { from: _from, last: _last, kind, ...words } = search
  const given = Object.entries(words)
    .map(([name, text]) => [name, text.trim()] as const)
    .filter(([, text]) => text !== '')
  const query = {
    ...periodOf(search),
    ...(kind !== '' && { kind }),
    ...Object.fromEntries(given),
    ...(before !== undefined && { before }),
    limit: pageSize,
  }
  return client.get('/v1/audit/events', { params: { query } })
}

/** What an event is about, as short as a cell. */
export function aboutOf(event: TrailEvent): string {
  const { models, reason, provider, key, member } = event
  const parts = [...models, reason, provider === null ? null : shortPeerId(provider)]
  const found = parts.filter((part) => part !== null && part !== '')
  return found.length > 0 ? found.join(', ') : (key ?? member ?? '–')
}
