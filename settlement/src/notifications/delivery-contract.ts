import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { addTenant, type TestContext, testContext } from '../testing/market.ts'
import { FORMER_SECRET_MS } from './channel.ts'
import { newSecret } from './channel-secret.ts'
import { LEASE_MS, notify } from './deliver.ts'
import type { NewEvent } from './event.ts'
import { RETRY_DELAYS_MS, TRIES_MAX } from './retry.ts'
import { addTestChannel } from './testing/channels.ts'
import { openReceiver, type Receiver } from './testing/receiver.ts'

const HOUR_MS = 3_600_000
const OUTPOST = { privateNetworks: true }
const options = { outpost: OUTPOST, random: () => 0.5 }

/** What every store keeps of events and messages. */
export function deliveryContract(name: string, openStore: () => Promise<SettlementStore>): void {
  async function start(): Promise<{ context: TestContext; organization: string }> {
    const context = testContext(await openStore())
    const { store } = context
    const { organization } = await addTenant(context, 0n)
    // What one test leaves to wait is not sent in another.
    onTestFinished(async () => {
      for (const owner of [organization, null]) {
        for (const { id } of await store.channels(owner)) await store.removeChannel(id, owner)
      }
    })
    return { context, organization }
  }
  const emit = (context: TestContext, ...events: NewEvent[]) =>
    context.store.emitEvents(events, context.now())
  const verified = (receiver: Receiver, secret: string, at = -1) => {
    const { headers, body } = receiver.received.at(at) ?? { headers: {}, body: '' }
    // The verifier compares with the clock of this machine; these tests live in another time.
    return new Webhook(secret).verify(body, headers as Record<string, string>) as {
      type: string
      data: Record<string, unknown>
    }
  }

  test(`${name}: an event reaches a webhook that verifies it, once`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    clock.now = Date.now()
    const { secret } = await addTestChannel(store, organization, {
      address: receiver.url,
      at: now(),
    })
    const event = told(organization, { facts: { percent: 80 } })
    await emit(context, event, event)
    await emit(context, event)
    await notify(context, options)
    await notify(context, options)
    expect(receiver.received).toHaveLength(1)
    expect(verified(receiver, secret)).toMatchObject({
      type: 'budget.threshold',
      data: { organization, severity: 'warning', subject: 'team-a', facts: { percent: 80 } },
    })
    const [delivery] = await store.deliveries({ owner: organization, limit: 10 })
    expect(receiver.received[0]?.headers['webhook-id']).toBe(delivery?.id)
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 1, status: 200, failure: null })
    expect(await store.events({ owner: organization, limit: 10 })).toHaveLength(1)
  })

  test(`${name}: others are not told, nor those who did not ask for this kind or for so little`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now } = context
    const other = await addTenant(context, 0n)
    const at = now()
    const address = receiver.url
    const theirs = await addTestChannel(store, other.organization, { address, at })
    await addTestChannel(store, null, { address, at }, { kinds: ['payout.failed'] })
    await addTestChannel(store, organization, { address, at }, { kinds: ['plan.ended'] })
    await addTestChannel(store, organization, { address, at }, { severity: 'urgent' })
    await emit(context, told(organization))
    await notify(context, options)
    expect(receiver.received).toEqual([])
    await store.removeChannel(theirs.id, other.organization)
  })

  test(`${name}: after a rotation both secrets sign for a while`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    clock.now = Date.now()
    const made = await addTestChannel(store, organization, { address: receiver.url, at: now() })
    const secret = newSecret()
    await store.rotateSecret(made.id, organization, secret, now())
    await emit(context, told(organization))
    await notify(context, options)
    expect(verified(receiver, secret)).toEqual(verified(receiver, made.secret))
    clock.now += FORMER_SECRET_MS + 1
    await emit(context, told(organization))
    await notify(context, options)
    expect(receiver.received[1]?.headers['webhook-signature']).not.toContain(' ')
  })

  test(`${name}: a message is tried on schedule, given up, listed, sent again under its id, and purged`, async () => {
    await using receiver = await openReceiver()
    receiver.answer = (response) => response.writeHead(503).end()
    const { context, organization } = await start()
    const { store, now, clock } = context
    const owner = organization
    await addTestChannel(store, owner, { address: receiver.url, at: now() })
    await emit(context, told(organization))
    await notify(context, options)
    for (const delay of RETRY_DELAYS_MS) {
      clock.now += delay - 1
      expect(await notify(context, options)).toMatchObject({ waiting: 0, dead: 0 })
      clock.now += 1
      await notify(context, options)
    }
    expect(receiver.received).toHaveLength(TRIES_MAX)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1)
    const [dead] = await store.deliveries({ owner, state: 'dead', limit: 10 })
    expect(dead).toMatchObject({ attempts: TRIES_MAX, status: 503 })
    expect(dead?.failure).toBe('the receiver answered 503')

    const stranger = await addTenant(context, 0n)
    const id = dead?.id ?? ''
    expect(await store.replayDeliveries(stranger.organization, { id }, now())).toBe(0)
    expect(await store.replayDeliveries(owner, { id }, now())).toBe(1)
    receiver.answer = (response) => response.end()
    expect(await notify(context, options)).toMatchObject({ delivered: 1 })
    expect(receiver.received.at(-1)?.headers['webhook-id']).toBe(id)

    receiver.answer = (response) => response.writeHead(410).end()
    await emit(context, told(organization))
    await notify(context, options)
    expect(await store.purgeDeliveries(stranger.organization, {})).toBe(0)
    expect(await store.purgeDeliveries(owner, {})).toBe(1)
    expect(await store.deliveries({ owner, state: 'dead', limit: 10 })).toEqual([])
  })

  test(`${name}: who dies between sending and saying so leaves the message to be sent again, under its id`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    await addTestChannel(store, organization, { address: receiver.url, at: now() })
    await emit(context, told(organization))
    const dies = () => Promise.reject(new Error('killed'))
    const dying = new Proxy(store, {
      get: (target, name) => (name === 'endAttempt' ? dies : Reflect.get(target, name)),
    })
    await expect(notify({ ...context, store: dying }, options)).rejects.toThrow('killed')
    expect(await notify(context, options)).toMatchObject({ delivered: 0 })
    clock.now += LEASE_MS
    expect(await notify(context, options)).toMatchObject({ delivered: 1 })
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  test(`${name}: who comes late with what became of a try changes nothing`, async () => {
    const { context, organization } = await start()
    const { store, now, clock } = context
    await addTestChannel(store, organization, { address: 'https://example.org', at: now() })
    await emit(context, told(organization))
    await store.dispatchEvents(now(), 10)
    const [first] = await store.claimDeliveries({ at: now(), leaseMs: 1_000, limit: 1 })
    clock.now += 1_000
    const [second] = await store.claimDeliveries({ at: now(), leaseMs: 1_000, limit: 1 })
    expect(second?.id).toBe(first?.id)
    const id = first?.id ?? ''
    const late = { state: 'dead', failure: 'late', status: null } as const
    expect(await store.endAttempt(id, 1, late, now())).toBe(false)
    expect(await store.endAttempt(id, 2, { state: 'delivered', status: 200 }, now())).toBe(true)
    expect(await store.endAttempt(id, 2, late, now())).toBe(false)
  })

  test(`${name}: two at once send each message once`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now } = context
    await addTestChannel(store, organization, { address: receiver.url, at: now() })
    await addTestChannel(
      store,
      null,
      { address: receiver.url, at: now() },
      { kinds: ['payout.held'] },
    )
    const held = { kind: 'payout.held', organization: null } as const
    await emit(
      context,
      ...times(20, () => told(organization)),
      ...times(20, () => told(null, held)),
    )
    await Promise.all(times(3, () => notify(context, options)))
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(ids).toHaveLength(40)
    expect(new Set(ids).size).toBe(40)
  })

  test(`${name}: a receiver that says 410 is left alone, and the other channels say so`, async () => {
    await using gone = await openReceiver()
    await using good = await openReceiver()
    gone.answer = (response) => response.writeHead(410).end()
    const { context, organization } = await start()
    const { store, now } = context
    const { id } = await addTestChannel(store, organization, { address: gone.url, at: now() })
    await addTestChannel(store, organization, { address: good.url, at: now() })
    await emit(context, told(organization), told(organization, { severity: 'info' }))
    await notify(context, options)
    await emit(context, told(organization))
    await notify(context, options)
    const [disabled] = (await store.channels(organization)).filter((one) => one.id === id)
    expect(disabled).toMatchObject({ state: 'disabled', reason: 'the receiver answered 410' })
    const types = good.received.map(({ body }) => JSON.parse(body).type)
    expect(types.filter((type) => type === 'channel.disabled')).toHaveLength(1)
    expect(types.filter((type) => type === 'budget.threshold')).toHaveLength(3)
    expect(gone.received.length).toBeLessThanOrEqual(2)
    expect(await store.replayDeliveries(organization, { channel: id }, now())).toBe(0)
    await store.changeChannel(id, organization, { isActive: true }, now())
    expect(await store.replayDeliveries(organization, { channel: id }, now())).toBe(2)
  })

  test(`${name}: a channel whose messages are all given up is switched off`, async () => {
    const { context, organization } = await start()
    const { store, now } = context
    const { id } = await addTestChannel(store, organization, {
      address: 'https://e.org',
      at: now(),
    })
    await emit(context, ...times(6, () => told(organization)))
    await store.dispatchEvents(now(), 10)
    const claimed = await store.claimDeliveries({ at: now(), leaseMs: 1_000, limit: 10 })
    const outcomes = ['dead', 'dead', 'delivered', 'dead', 'dead', 'dead'] as const
    for (const [i, state] of outcomes.entries()) {
      const outcome = { state, failure: 'refused', status: null }
      await store.endAttempt(claimed[i]?.id ?? '', 1, outcome, now())
    }
    const stateOf = async () =>
      (await store.channels(organization)).find((one) => one.id === id)?.state
    expect(await stateOf()).toBe('active')
    await emit(context, ...times(2, () => told(organization)))
    await store.dispatchEvents(now(), 10)
    for (const { id: message } of await store.claimDeliveries({
      at: now(),
      leaseMs: 1_000,
      limit: 10,
    })) {
      await store.endAttempt(message, 1, { state: 'dead', failure: 'refused', status: null }, now())
    }
    expect(await stateOf()).toBe('disabled')
  })

  test(`${name}: what waits when its owner switches a channel off does not come when it is back`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    const terms = { pace: 'hourly' } as const
    const given = { address: receiver.url, at: now() }
    const { id } = await addTestChannel(store, organization, given, terms)
    await emit(context, told(organization))
    await store.dispatchEvents(now(), 10)
    const off = await store.changeChannel(id, organization, { isActive: false }, now())
    expect(off).toMatchObject({ state: 'disabled', reason: 'by its owner' })
    const on = await store.changeChannel(id, organization, { isActive: true }, now())
    expect(on).toMatchObject({ state: 'active', reason: null })
    clock.now += HOUR_MS
    await notify(context, options)
    expect(receiver.received).toEqual([])
    expect(await store.replayDeliveries(organization, { channel: id }, now())).toBe(1)
  })

  test(`${name}: repeats are told once in their window, but not what became worse`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    const repeatMs = HOUR_MS
    await addTestChannel(store, organization, { address: receiver.url, at: now() }, { repeatMs })
    await emit(
      context,
      told(organization),
      told(organization),
      told(organization, { subject: 'b' }),
    )
    await notify(context, options)
    clock.now += HOUR_MS - 1
    await emit(context, told(organization), told(organization, { severity: 'urgent' }))
    await notify(context, options)
    expect(receiver.received).toHaveLength(3)
    clock.now += 1
    await emit(context, told(organization))
    await notify(context, options)
    expect(receiver.received).toHaveLength(4)
  })

  test(`${name}: a digest gathers an hour, and what is urgent does not wait for it`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    const terms = { pace: 'hourly' } as const
    await addTestChannel(store, organization, { address: receiver.url, at: now() }, terms)
    await emit(context, told(organization, { subject: 'first' }))
    await notify(context, options)
    clock.now += HOUR_MS / 2
    await emit(context, told(organization, { subject: 'second' }))
    await emit(context, told(organization, { subject: 'now', severity: 'urgent' }))
    await notify(context, options)
    const subjects = () =>
      receiver.received.map(({ body }) => {
        const { data } = JSON.parse(body)
        return data.subject ?? data.events.map((one: { subject: string }) => one.subject)
      })
    expect(subjects()).toEqual(['now'])
    clock.now += HOUR_MS / 2
    await notify(context, options)
    expect(subjects()).toEqual(['now', ['first', 'second']])
    expect(await store.deliveries({ owner: organization, limit: 10 })).toHaveLength(2)
  })

  test(`${name}: a digest that is being sent takes no more events`, async () => {
    const { context, organization } = await start()
    const { store, now, clock } = context
    const terms = { pace: 'hourly' } as const
    await addTestChannel(store, organization, { address: 'https://e.org', at: now() }, terms)
    await emit(context, told(organization))
    await store.dispatchEvents(now(), 10)
    const claim = () =>
      store.claimDeliveries({ at: now() + HOUR_MS, leaseMs: 10 * HOUR_MS, limit: 10 })
    const [sending] = await claim()
    // Another process whose clock is an hour behind.
    await emit(context, told(organization))
    await store.dispatchEvents(now(), 10)
    expect(sending?.events).toHaveLength(1)
    clock.now += HOUR_MS
    expect((await claim()).map(({ events }) => events.length)).toEqual([1])
  })

  test(`${name}: no channel gets more in an hour than it should; the rest waits`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    await addTestChannel(store, organization, { address: receiver.url, hourlyMax: 3, at: now() })
    await emit(context, ...times(5, () => told(organization)))
    await notify(context, options)
    expect(receiver.received).toHaveLength(3)
    clock.now += HOUR_MS
    await notify(context, options)
    expect(receiver.received).toHaveLength(5)
  })

  test(`${name}: retention forgets what is long past, and nothing else`, async () => {
    await using receiver = await openReceiver()
    const { context, organization } = await start()
    const { store, now, clock } = context
    await addTestChannel(store, organization, { address: receiver.url, at: now() })
    await emit(context, told(organization))
    await notify(context, options)
    const start0 = now()
    await store.forgetNotifications({ delivered: start0, dead: start0, events: start0 })
    expect(await store.deliveries({ owner: organization, limit: 10 })).toHaveLength(1)
    clock.now += 1
    await store.forgetNotifications({ delivered: now(), dead: now(), events: now() })
    expect(await store.deliveries({ owner: organization, limit: 10 })).toEqual([])
    expect(await store.events({ owner: organization, limit: 10 })).toEqual([])
  })
}

function told(organization: string | null, more: Partial<NewEvent> = {}): NewEvent {
  return { organization, kind: 'budget.threshold', subject: 'team-a', cause: randomUUID(), ...more }
}

const times = <Value>(n: number, make: () => Value): Value[] => Array.from({ length: n }, make)
