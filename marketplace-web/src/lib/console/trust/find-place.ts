import { ApiError, type Client } from '#lib/api.ts'
import {
  accountHref,
  accountKinds,
  organizationHref,
  partsOf,
  payoutHref,
  providerHref,
  sessionHref,
  statementHref,
  transferHref,
} from './ledger-names.ts'

/** The page of an id that says by itself what it is of; a CID has to be asked for. */
export function placeOf(id: string): string | undefined {
  if (/^\d{1,18}$/u.test(id)) return transferHref(id)
  if (id.startsWith('po-')) return payoutHref(id)
  if (id.startsWith('org_')) return organizationHref(id)
  if (/^12D3Koo\w{40,}$/u.test(id)) return providerHref(id)
  if (id.includes('/') && accountKinds.includes(partsOf(id).kind)) return accountHref(id)
  return undefined
}

/** @returns undefined when there is nothing of that name */
export async function findPlace(client: Client, id: string): Promise<string | undefined> {
  const place = placeOf(id)
  if (place !== undefined) return place
  const session = await found(() =>
    client.get('/v1/admin/sessions/{session}', { params: { path: { session: id } } }),
  )
  if (session) return sessionHref(id)
  const params = { path: { cid: id }, query: { limit: 1 } }
  const statement = await found(() => client.get('/v1/admin/statements/{cid}', { params }))
  return statement ? statementHref(id) : undefined
}

async function found(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    if (
      error instanceof ApiError &&
      ['HANSE_NOT_FOUND', 'HANSE_REQUEST_INVALID'].includes(error.code)
    )
      return false
    throw error
  }
}
