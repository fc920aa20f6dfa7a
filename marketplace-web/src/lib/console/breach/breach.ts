import type { Answer, Body } from '@hanse/client'
import type { Client } from '#lib/api.ts'
import { m } from '#lib/i18n.ts'
import { operators } from '../session.svelte.ts'

export type Breach = Answer<'/v1/admin/breaches/{id}', 'get'>
export type Step = Body<'/v1/admin/breaches/{id}/steps', 'post'>
export type Affected = Answer<'/v1/admin/breaches/affected', 'get'>
export type Subjects = Answer<'/v1/admin/breaches/affected/subjects', 'get'>
export type DataClass = Subjects['tables'][number]['columns'][number]['class']
export type SubjectKind = 'person' | 'organization' | 'provider'

/** What a search is narrowed to; what is empty is left out. */
export type Filter = {
  readonly from: number
  readonly to: number
  readonly provider?: string
  readonly organization?: string
  readonly key?: string
}

export const breachOf = (id: string) =>
  operators.query(`ops breach ${id}`, (client) =>
    client.get('/v1/admin/breaches/{id}', { params: { path: { id } } }),
  )

/** More would be a list that nobody reads; the saved one has all. */
export const shownMax = 500

export const affectedBy = (client: Client, filter: Filter): Promise<Affected> =>
  client.get('/v1/admin/breaches/affected', { params: { query: { ...filter, limit: shownMax } } })

export const classNames: Readonly<Record<DataClass, () => string>> = {
  identity: m.breach_class_identity,
  'free-text': m.breach_class_free_text,
  credential: m.breach_class_credential,
  sealed: m.breach_class_sealed,
  origin: m.breach_class_origin,
  pseudonym: m.breach_class_pseudonym,
  activity: m.breach_class_activity,
  money: m.breach_class_money,
  proof: m.breach_class_proof,
  technical: m.breach_class_technical,
}

export const kindNames: Readonly<Record<SubjectKind, () => string>> = {
  person: m.breach_kind_person,
  organization: m.breach_kind_organization,
  provider: m.breach_kind_provider,
}

/** What a field of a time has, on the visitor's clock, in milliseconds; undefined while it is empty. */
export function typedTime(text: string): number | undefined {
  const at = new Date(text).getTime()
  return text === '' || Number.isNaN(at) ? undefined : at
}

/** What a field of a time is given, on the visitor's clock. */
export function fieldTime(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
