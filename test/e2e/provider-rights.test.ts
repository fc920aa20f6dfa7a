import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { loadOrCreateIdentity, SettlementClient, seedOf } from '@hanse/node'
import { type PeerId, signerOf } from '@hanse/protocol'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'
import { type Finished, hanse } from '../support/hanse.ts'

const NETWORK = 'test'
const OPERATOR = 'operator-token-of-a-test-of-rights'

let folder: string
let settlement: Settlement
let peerId: string
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-provider-rights-'))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = await openSettlement({
    dataDir: join(folder, 'settlement'),
    network: NETWORK,
    operatorToken: OPERATOR,
    pressure: { eventLoopMs: Infinity },
  })
  const signer = signerOf(seedOf(await loadOrCreateIdentity(join(folder, 'node', 'identity.key'))))
  peerId = signer.peerId
  const context = { network: NETWORK }
  const client = new SettlementClient({ url: settlement.url, context, signer, now: Date.now })
  await client.bindProvider('DE', settlement.peerId as PeerId)
  env = {
    HANSE_DATA_DIR: join(folder, 'node'),
    HANSE_NETWORK: NETWORK,
    HANSE_SETTLEMENT_URL: settlement.url,
  }
}, 120_000)
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const run = async (...args: string[]): Promise<Finished> =>
  await hanse(['rights', ...args], folder, env)

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

async function operate(request: string, ...steps: string[]): Promise<void> {
  for (const step of steps) {
    const answer = await fetch(`${settlement.url}/v1/admin/gdpr/requests/${request}/steps`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OPERATOR}`, 'content-type': 'application/json' },
      body: JSON.stringify({ step }),
    })
    assert.equal(answer.status, 200, await answer.text())
  }
}

test('a provider restricts the processing of its data, sees each step, and ends it', async () => {
  assert.match(await done(), /Nothing was asked yet/u)
  const opened = JSON.parse(await done('open', 'restriction', '--note', 'look first', '--json'))
  assert.deepEqual([opened.kind, opened.state], ['restriction', 'identified'])
  assert.match(await done('list'), new RegExp(`${opened.id} +restriction +identified .* due `, 'u'))
  await operate(opened.id, 'begun', 'done')
  assert.match(
    await done('show', opened.id),
    /holds since [\s\S]*STEP[\s\S]*look first[\s\S]*done/u,
  )
  await operate(opened.id, 'announced')
  assert.match(await done('list'), /to be lifted: told on/u)
  assert.match(await done('withdraw', opened.id), /held until/u)
  const again = await run('withdraw', opened.id)
  assert.equal(again.code, 1)
  assert.match(again.stderr, /HANSE_RIGHTS_REQUEST_STATE/u)
  const detail = JSON.parse(await done('show', opened.id, '--json'))
  assert.deepEqual(
    detail.history.map(({ step }: { step: string }) => step),
    ['received', 'identified', 'begun', 'done', 'announced', 'withdrawn'],
  )
})

test('it has all that is held of it, at once or made in the background, in a file for itself alone', async () => {
  const file = (await done('download')).trim()
  assert.equal(file, `hanse-${peerId}.tar.gz`)
  const path = join(folder, file)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.ok(gunzipSync(await readFile(path)).includes(peerId))

  const made = JSON.parse(await done('export', '--json'))
  const early = await run('download', made.id)
  let archive = early
  for (let i = 0; i < 60 && archive.code !== 0; i++) {
    assert.match(archive.stderr, /HANSE_DATA_EXPORT_STATE/u)
    await new Promise((resolve) => setTimeout(resolve, 500))
    archive = await run('download', made.id, '-o', 'made.tar.gz')
  }
  assert.equal(archive.code, 0, archive.stderr)
  assert.match(await done('export', '--list'), new RegExp(`${made.id} +done `, 'u'))
  const name = archive === early ? `${made.id}.tar.gz` : 'made.tar.gz'
  assert.ok(gunzipSync(await readFile(join(folder, name))).includes(peerId))
  assert.deepEqual(
    (await readdir(folder)).filter((one) => one.endsWith('.part')),
    [],
  )
})

test('what it cannot mean is refused before anybody is asked', async () => {
  for (const args of [
    ['open', 'erasure'],
    ['open', 'access', '--note', ' '],
    ['show', '../admin'],
    ['download', 'rr_1'],
    ['erase'],
    ['erase', '--confirm', 'somebody'],
  ]) {
    const { code, stderr } = await run(...args)
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
  }
  const missing = await run('show', 'rr_00000000')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /HANSE_NOT_FOUND/u)
})

test('it is erased once it says which one it is, and what is kept is named', async () => {
  const report = await done('erase', '--confirm', peerId)
  assert.match(report, /TABLE +ROWS +OUTCOME +WHY[\s\S]*provider [\s\S]*erased, as [0-9a-f]{64}/u)
})
