import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadOrCreateIdentity, SettlementClient, seedOf } from '@hanse/node'
import { type PeerId, signerOf } from '@hanse/protocol'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Finished, hanse } from '../support/hanse.ts'

const NETWORK = 'test'

let folder: string
let settlement: Settlement
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-provider-money-'))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = await openSettlement({
    dataDir: join(folder, 'settlement'),
    network: NETWORK,
    pressure: { eventLoopMs: Infinity },
  })
  const key = await loadOrCreateIdentity(join(folder, 'node', 'identity.key'))
  const context = { network: NETWORK }
  const signer = signerOf(seedOf(key))
  const client = new SettlementClient({ url: settlement.url, context, signer, now: Date.now })
  await client.bindProvider('DE', settlement.peerId as PeerId)
  env = {
    HANSE_DATA_DIR: join(folder, 'node'),
    HANSE_NETWORK: NETWORK,
    HANSE_SETTLEMENT_URL: settlement.url,
  }
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const run = async (...args: string[]): Promise<Finished> => await hanse(args, folder, env)

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

describe('the owner of a provider', () => {
  test('sees what was earned, what waits, and when the next payout is', async () => {
    const shown = await done('earnings')
    assert.match(shown, /^payable {5}0\.00 EUR$/mu)
    assert.match(shown, /50 % for 14 days, in the first 14 days or until 50\.00 EUR are earned/u)
    assert.match(shown, /payouts once a day from 0\.01 EUR, the next \d{4}-\d\d-\d\d 03:30 UTC/u)
    const { payable, held, terms } = JSON.parse(await done('earnings', '--json'))
    assert.deepEqual([payable, held, terms.feeBps], ['0', [], 2500])
  })

  test('says who they are to the tax office, and what is not named stays', async () => {
    assert.match(await done('tax-profile'), /nothing yet/u)
    const half = await run('tax-profile', 'set', '--name', 'Ada GmbH')
    assert.equal(half.code, 1)
    assert.match(half.stderr, /HANSE_REQUEST_INVALID/u)
    const who = ['--kind', 'business', '--name', 'Ada GmbH', '--tax-number', '12/345/67890']
    const where = ['--street', 'Hafen 1', '--postal-code', '20457', '--city', 'Hamburg']
    await done('tax-profile', 'set', ...who, ...where, '--country', 'DE')
    await done('tax-profile', 'set', '--city', 'Lübeck', '--agree-to-self-billing')
    const { profile, version } = JSON.parse(await done('tax-profile', 'show', '--json'))
    assert.equal(version, 2)
    assert.deepEqual([profile.name, profile.city], ['Ada GmbH', 'Lübeck'])
    assert.equal(profile.selfBillingTerms, '2026-11')
    const left = await done('tax-profile', 'set', '--no-self-billing')
    assert.match(left, /self-billing {6}not agreed to/u)
  })

  test('says who they are to consumers, and is told what is missing', async () => {
    assert.match(await done('trader'), /state {13}incomplete[\s\S]*hanse trader set/u)
    const silent = await run('trader', 'set', '--telephone', '+4940123456')
    assert.equal(silent.code, 2)
    assert.match(silent.stderr, /--certify/u)
    const who = ['--telephone', '+4940123456', '--email', 'ada@example.org', '--certify']
    await done('trader', 'set', ...who, '--register', 'Lübeck', '--register-number', 'HRB 1')
    await done('trader', 'set', '--telephone', '+4940999999')
    const view = JSON.parse(await done('trader', 'show', '--json'))
    assert.equal(view.version, 2)
    assert.equal(view.declaration.telephone, '+4940999999')
    assert.deepEqual(view.declaration.register, { name: 'Lübeck', number: 'HRB 1' })
    const wrong = await run('trader', 'set', '--telephone', '040')
    assert.match(wrong.stderr, /telephone[\s\S]*HANSE_REQUEST_INVALID/u)
    const year = await run('trader', 'dac7', '--year', '2023')
    assert.match(year.stderr, /nothing was credited in 2023.*HANSE_NOT_FOUND/u)
  })

  test('gets a statement of each month, in every form that it has', async () => {
    assert.match(await done('documents'), /No documents yet/u)
    const missing = await run('documents', 'get', 'SB-2026-000001')
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /no document SB-2026-000001.*HANSE_NOT_FOUND/u)
    assert.equal((await run('documents', 'get', '../../etc/passwd')).code, 2)
    assert.equal((await run('documents', 'get', 'SB-2026-000001', '--format', 'odt')).code, 2)
  })
})

test('what cannot be asked is said with a code, and nothing is made', async () => {
  const bare = await hanse(['earnings'], folder, { ...env, HANSE_SETTLEMENT_URL: '' })
  assert.equal(bare.code, 2, bare.stderr)
  const nobody = await run('earnings', '--data-dir', join(folder, 'nobody'))
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /no provider has its data in/u)
  await assert.rejects(readFile(join(folder, 'nobody', 'identity.key')))
  const other = await run('earnings', '--network', 'elsewhere')
  assert.match(other.stderr, /settlement is on network test/u)
  const away = await run('earnings', '--settlement-url', 'http://127.0.0.1:9')
  assert.equal(away.code, 1)
  assert.match(away.stderr, /HANSE_SETTLEMENT_UNAVAILABLE/u)
})
