import { z } from 'zod'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { USAGE_KEPT_MS } from '../usage/partitions.ts'
import { needsSessions, USAGE_DIMENSIONS, type UsageSelection } from '../usage/usage-query.ts'

const value = z.string().max(256).optional()

/** Only what is of these; an empty value is what has none. */
export const usageFilters = {
  model: value,
  provider: value,
  country: value,
  key: value.describe('prefix of the API key that the money was asked for with'),
  member: value.describe('id of the person who answers for the key'),
  tag: value.describe('of the key, the authorization, or the session'),
  user: value.describe('whom the session was for, where the gateway tells that'),
}

/** The filters that were given. */
export const filtersOf = (
  query: Readonly<Partial<Record<(typeof USAGE_DIMENSIONS)[number], string | undefined>>>,
) =>
  Object.fromEntries(
    USAGE_DIMENSIONS.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  )

/** @throws {SettlementError} HANSE_REQUEST_INVALID where only single sessions could tell, and they are gone */
export async function checkKept(
  store: SettlementStore,
  selection: UsageSelection,
  now: number,
): Promise<void> {
  if (!needsSessions(selection)) return
  const from = Math.max(now - USAGE_KEPT_MS, (await store.sessionsKeptFrom()) ?? 0)
  if (selection.from >= from) return
  throw new SettlementError(
    'HANSE_REQUEST_INVALID',
    'end users, and providers and countries together with something else, are told out of single sessions, which are kept for ninety days',
  )
}
