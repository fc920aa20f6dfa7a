import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { OpenChannel } from './channel.ts'
import type { StoredEvent } from './event.ts'
import { send } from './send.ts'

export interface TestResult {
  readonly channel: string
  readonly name: string
  readonly delivered: boolean
  /** What the receiver answered, where it speaks HTTP. */
  readonly status: number | null
  readonly failure: string | null
}

/**
 * Sends a message that says it is a test, now and once.
 *
 * @throws {SettlementError} HANSE_CHANNEL_STATE when its mailbox has not agreed, or it is switched off
 */
export async function testChannel(
  context: SettlementContext,
  channel: OpenChannel,
): Promise<TestResult> {
  const { id, name, owner, state } = channel
  if (state !== 'active') throw new SettlementError('HANSE_CHANNEL_STATE', `it is ${state}`)
  const event: StoredEvent = {
    id: 0n,
    organization: owner,
    kind: 'channel.test',
    severity: 'info',
    subject: name,
    facts: {},
    at: context.now(),
  }
  const outpost = context.outpost ?? { privateNetworks: false }
  const sent = await send(context, outpost, {
    id: `msg_${randomUUID()}`,
    channel,
    events: [event],
  })
  const delivered = sent.kind === 'delivered'
  const failure = sent.kind === 'delivered' ? null : sent.failure
  return { channel: id, name, delivered, status: sent.status, failure }
}

/** Every channel of the operators that is on. */
export async function testPlatform(context: SettlementContext): Promise<{ results: TestResult[] }> {
  const channels = await context.store.channels(null)
  const results: TestResult[] = []
  for (const { id, state } of channels) {
    const channel = state === 'active' ? await context.store.openChannel(id, null) : undefined
    if (channel !== undefined) results.push(await testChannel(context, channel))
  }
  return { results }
}
