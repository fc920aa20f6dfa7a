import { randomUUID } from 'node:crypto'
import type { SettlementStore } from '../../db/store.ts'
import type { ChannelKind } from '../channel.ts'
import { newSecret } from '../channel-secret.ts'
import type { Owner } from '../owner.ts'
import type { SubscriptionTerms } from '../subscription.ts'

/** Everything, at once, at any hour, each time. */
export const ALL: SubscriptionTerms = {
  kinds: [],
  severity: 'info',
  pace: 'immediately',
  timeZone: 'UTC',
  dailyAt: 540,
  quiet: null,
  urgentOverrides: true,
  repeatMs: 0,
}

export interface TestChannel {
  readonly id: string
  readonly secret: string
}

/** An active channel with one subscription. */
export async function addTestChannel(
  store: SettlementStore,
  owner: Owner,
  given: { kind?: ChannelKind; address: string; hourlyMax?: number; at: number },
  terms: Partial<SubscriptionTerms> = {},
): Promise<TestChannel> {
  const { kind = 'webhook', address, hourlyMax = 1_000, at } = given
  const id = `ch_${randomUUID()}`
  const secret = newSecret()
  const target = { address, secret }
  await store.addChannel({ id, owner, kind, name: id, target, hourlyMax, by: 'test', at })
  if (kind === 'email') await store.confirmChannel(id, at)
  const subscription = { id: `sub_${randomUUID()}`, channel: id, owner, at, ...ALL, ...terms }
  await store.addSubscription(subscription)
  return { id, secret }
}
