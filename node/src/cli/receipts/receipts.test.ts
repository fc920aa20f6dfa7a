import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openGateway, type TestGateway } from '../../gateway/testing/open-gateway.ts'
import { MODEL, ScriptedEngine } from '../../gateway/testing/scripted-engine.ts'
import { NodeStore, type SessionRow } from '../../store/node-store.ts'
import { openReceipts, type ReceiptSource, type ReceiptSourceSettings } from './receipt-source.ts'
import { filterOf, isEverything, isWithin } from './session-filter.ts'
import { verifyAll } from './verify-all.ts'

const NAMED = { dataDir: false, gatewayUrl: false }
const ANYBODY = { network: undefined, settlements: [] }

let gateway: TestGateway
let folder: string
let settings: ReceiptSourceSettings
let source: ReceiptSource
/** Two sessions, newest first. */
let sessions: readonly SessionRow[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-receipts-'))
  gateway = await openGateway([new ScriptedEngine()])
  const access = { gatewayUrl: gateway.url, apiKey: undefined }
  settings = { ...access, dataDir: folder, network: undefined }
  source = openReceipts(settings, NAMED)
  for (const content of ['one', 'two']) {
    const body = { model: MODEL, messages: [{ role: 'user', content }] }
    assert.equal((await gateway.post('/v1/chat/completions', body)).status, 200)
  }
  sessions = await source.sessions(10)
})
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const verified = async (from: ReceiptSource, ...names: string[]) => {
  const faults: (string | undefined)[] = []
  for await (const { fault } of verifyAll(from, names, ANYBODY)) faults.push(fault)
  return faults
}

describe('receipts', () => {
  test('of a gateway are those that both sides signed', async () => {
    assert.equal(sessions.length, 2)
    assert.deepEqual(
      (await source.sessions(1)).map(({ session }) => session),
      [sessions[0]?.session],
    )
    for (const { session, amount, reason } of sessions) {
      const { chain, ...row } = await source.session(session)
      assert.equal(chain.at(-1)?.amount, amount)
      assert.equal(chain.at(-1)?.final, reason)
      assert.deepEqual(row, gateway.market.store.session(session))
    }
  })

  test('are verified of sessions and in files, and what is missing fails alone', async () => {
    const [one, two] = sessions.map(({ session }) => session)
    assert.ok(one !== undefined && two !== undefined)
    const file = join(folder, 'one.car')
    await writeFile(file, await source.bundle(one))
    const [first, unknown, fromFile, noFile] = await verified(
      source,
      one,
      'b'.repeat(59),
      file,
      join(folder, 'none.car'),
    )
    assert.deepEqual([first, fromFile], [undefined, undefined])
    assert.match(unknown ?? '', /no such session/u)
    assert.match(noFile ?? '', /cannot read/u)
    const lying: ReceiptSource = {
      network: undefined,
      sessions: async (limit) => await source.sessions(limit),
      session: async (session) => await source.session(session),
      bundle: async () => await source.bundle(two),
      spotChecks: async () => [],
      [Symbol.dispose]: () => {},
    }
    assert.deepEqual(await verified(lying, one), [`it is the bundle of ${two}`])
  })
})

describe('the source of receipts', () => {
  const store = (): string => {
    const dataDir = join(folder, 'node')
    using _ = new NodeStore(join(dataDir, 'node.db'))
    return dataDir
  }
  const sourceOf = (changes: Partial<ReceiptSourceSettings>, named = NAMED) => {
    using opened = openReceipts({ ...settings, ...changes }, named)
    // Only a data folder needs to be told which network its receipts are of.
    return opened.network === undefined ? 'gateway' : 'folder'
  }
  const usual = 'http://127.0.0.1:8787'

  test('is what is named, else the folder that is there, else the gateway', () => {
    const dataDir = store()
    assert.equal(sourceOf({ gatewayUrl: usual, dataDir }), 'folder')
    assert.equal(sourceOf({ gatewayUrl: usual }), 'gateway')
    assert.equal(sourceOf({ dataDir }), 'gateway', 'another gateway in the environment')
    assert.equal(sourceOf({ dataDir }, { ...NAMED, dataDir: true }), 'folder')
    const gatewayUrl = { ...NAMED, gatewayUrl: true }
    assert.equal(sourceOf({ gatewayUrl: usual, dataDir }, gatewayUrl), 'gateway')
  })

  test('is not guessed where the user has named none that is there, or two', () => {
    const wrong = { code: 'HANSE_CONFIG_INVALID' }
    assert.throws(() => sourceOf({}, { ...NAMED, dataDir: true }), wrong)
    assert.throws(() => sourceOf({}, { dataDir: true, gatewayUrl: true }), wrong)
  })
})

describe('a filter', () => {
  test('goes by model, peer and time, whatever their case', () => {
    const [row] = sessions
    assert.ok(row !== undefined)
    const fits = (flags: object) => isWithin(filterOf({ ...flags }), row)
    assert.ok(isEverything(filterOf({})))
    assert.ok(fits({ model: 'SCRIPTED', peer: row.peer.slice(4).toUpperCase() }))
    assert.ok(!fits({ model: 'other' }) && !fits({ peer: 'nobody' }))
    assert.ok(fits({ since: '2020-01-01' }) && !fits({ since: '2100-01-01T00:00:00Z' }))
    assert.throws(() => filterOf({ since: 'yesterday' }), { code: 'HANSE_CONFIG_INVALID' })
  })
})
