import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HanseError, picoEuro } from '@hanse/protocol'
import { NOW } from '@hanse/protocol/testing'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, test } from 'vitest'
import type { GatewayControl } from '../gateway/gateway-control.ts'
import { openDesk } from '../gateway/open-rules.ts'
import { NodeStore } from '../store/node-store.ts'
import { batchesOf } from './batches.ts'
import { ControlClient } from './control-client.ts'
import { ControlService } from './control-service.ts'
import { localControl, serveLocalControl } from './local-control.ts'
import { ANSWER_BYTES_MAX } from './messages.ts'
import { ExampleControl } from './testing/example-status.ts'

const QUIET = pino({ level: 'silent' })

let folder = ''
let stack = new AsyncDisposableStack()
let gateway: GatewayControl

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-control-'))
  stack = new AsyncDisposableStack()
  gateway = openDesk({
    store: stack.use(new NodeStore(':memory:')),
    euAudit: true,
    note: () => {},
    now: () => NOW,
    random: (bytes) => randomBytes(bytes),
    log: QUIET,
  })
})
afterEach(async () => {
  await stack.disposeAsync()
  rmSync(folder, { recursive: true, force: true })
})

async function clientOf(
  served: { readonly gateway: GatewayControl } | { readonly control: ExampleControl },
): Promise<ControlClient> {
  const log = { tail: () => [], follow: () => () => {} }
  const service = new ControlService({
    ...served,
    logs: log,
    log: QUIET,
    peerId: 'peer',
    version: '0.1.0',
  })
  stack.use(await serveLocalControl(folder, service))
  return new ControlClient(localControl(folder))
}

describe('the owner of a gateway', () => {
  test('makes, changes, lists and ends keys, and is told just what the gateway says', async () => {
    const client = await clientOf({ gateway })
    const terms = { budget: picoEuro(2n ** 70n), models: ['hanse/*'], expiresAt: NOW + 1 }
    const made = await client.ask({ method: 'key-create', name: 'anna', terms })
    assert.match(made.secret, /^hanse_sk_/u)
    assert.deepEqual(made.key, withoutState(gateway))
    await client.ask({
      method: 'key-update',
      key: 'anna',
      changes: { budget: null, disabled: true },
      name: 'Anna',
    })
    const rotated = await client.ask({ method: 'key-rotate', key: made.key.id, graceMs: 1_000 })
    assert.notEqual(rotated.secret, made.secret)
    assert.deepEqual(await client.keys(), gateway.keys())
    assert.equal(gateway.keys()[0]?.state, 'disabled')
    assert.deepEqual(await client.ask({ method: 'spend-check' }), gateway.checkSpend())
    const revoked = await client.ask({ method: 'key-revoke', key: 'Anna' })
    assert.equal(revoked.revokedAt, NOW)
  })

  test('states and withdraws the lawful basis', async () => {
    const client = await clientOf({ gateway })
    assert.equal((await client.ask({ method: 'basis' })).standing, undefined)
    const stated = await client.ask({ method: 'basis-give', basis: 'contract', by: 'Jane' })
    assert.deepEqual(stated, gateway.basis())
    assert.deepEqual(await client.ask({ method: 'basis-withdraw', by: 'Jane' }), gateway.basis())
  })

  test('is told the gateway’s own faults', async () => {
    const client = await clientOf({ gateway })
    await assert.rejects(client.ask({ method: 'key-revoke', key: 'nobody' }), {
      code: 'HANSE_NOT_FOUND',
      message: /nobody/u,
    })
    await assert.rejects(client.ask({ method: 'basis-withdraw', by: 'Jane' }), {
      code: 'HANSE_NOT_FOUND',
    })
  })

  test('lists more keys, and longer ones, than one answer holds', async () => {
    const client = await clientOf({ gateway })
    const models = Array.from({ length: 64 }, (_, i) => `${i}-${'x'.repeat(120)}`)
    for (let i = 0; i < 150; i++) gateway.createKey(`key ${i}`, { models })
    assert.ok(
      JSON.stringify(gateway.keys().map(({ terms }) => terms.models)).length > ANSWER_BYTES_MAX,
    )
    assert.deepEqual(await client.keys(), gateway.keys())
  })

  test('asks nothing of it that a provider does, and the other way round', async () => {
    const client = await clientOf({ gateway })
    for (const asked of [client.status(), client.pause()])
      await assert.rejects(asked, { code: 'HANSE_REQUEST_INVALID', message: /is a gateway/u })
    await stack.disposeAsync()
    stack = new AsyncDisposableStack()
    const provider = await clientOf({ control: new ExampleControl() })
    await assert.rejects(provider.keys(), (error: unknown) => {
      assert.ok(error instanceof HanseError)
      assert.match(error.message, /is no gateway/u)
      return true
    })
  })
})

test('batches hold what fits, in its order, and what does not fit comes alone', () => {
  const items = ['a', 'x'.repeat(20), 'b', 'c', 'd']
  assert.deepEqual([...batchesOf(items, 9)], [['a'], ['x'.repeat(20)], ['b', 'c'], ['d']])
  assert.deepEqual([...batchesOf([], 9)], [])
})

/** The one key, as those who change it are told of it. */
function withoutState(of: GatewayControl): object {
  const [key] = of.keys()
  assert.ok(key !== undefined)
  const { state: _state, spent: _spent, reserved: _reserved, renewsAt: _renewsAt, ...rest } = key
  return rest
}
