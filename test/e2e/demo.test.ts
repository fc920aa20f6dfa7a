import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { hanse, runScript } from '../support/hanse.ts'

const START = fileURLToPath(new URL('../../scripts/demo/start.ts', import.meta.url))

interface Result {
  readonly model: string
  readonly outputTokens: number
  readonly receipts: number
  readonly bundle: string
  readonly verified: boolean
  readonly booked: string
  readonly ledgerBalanced: boolean
  readonly payoutCents: number
  readonly provider: string
  readonly country: string
  readonly firstTokenMs: number
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-demo-'))
})
afterAll(async () => await rm(folder, { recursive: true, force: true }))

describe('npm start -- --once', () => {
  let first: { result: Result; stdout: string }

  test('goes from an offer to a payout on real parts, and says so in JSON', async () => {
    first = await runOnce()
    const { result, stdout } = first
    assert.equal(result.model, 'hanse/tiny-v1:f16')
    assert.ok(result.outputTokens > 40)
    assert.ok(result.receipts >= 2)
    assert.equal(result.verified, true)
    assert.equal(result.ledgerBalanced, true)
    assert.ok(Number.isInteger(result.payoutCents) && result.payoutCents >= 1)
    assert.ok(BigInt(result.booked) > 0n)
    assert.equal(result.country, 'DE')
    assert.ok(result.firstTokenMs >= 0)
    assert.match(stdout, /Once upon a time/u)
    assert.match(stdout, /excluded: US is outside EU/u)
  })

  test('leaves a bundle that hanse verify accepts without flags', async () => {
    const { code, stdout } = await hanse(['verify', first.result.bundle], folder)
    assert.equal(code, 0, stdout)
    assert.match(stdout, /VERIFIED/u)
    assert.ok(!stdout.includes('?'), 'everything is proved: .hanse/hanse.toml says whom to trust')
  })

  test('keeps secrets to their owner', async () => {
    for (const path of ['demo.json', 'provider-de/identity.key', 'gateway/identity.key']) {
      assert.equal((await stat(join(folder, '.hanse', path))).mode & 0o077, 0, path)
    }
    const logs = await readFile(join(folder, '.hanse/logs/gateway.log'), 'utf8')
    assert.ok(!logs.includes('baker'), 'no prompt text in logs')
  })

  test('a second time goes on with the same identities, ledger and balance', async () => {
    const second = await runOnce()
    assert.equal(second.result.provider, first.result.provider)
    assert.notEqual(second.result.bundle, first.result.bundle)
    assert.match(first.stdout, /Topping up/u)
    assert.doesNotMatch(second.stdout, /Topping up/u)
    assert.equal(second.result.ledgerBalanced, true)
  })
})

async function runOnce(): Promise<{ result: Result; stdout: string }> {
  const { code, stdout, stderr } = await runScript([START, '--once'], folder, 110_000)
  assert.equal(code, 0, `${stdout}\n${stderr}`)
  return { result: JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Result, stdout }
}
