import assert from 'node:assert/strict'
import {
  addCosignatures,
  cosignerOf,
  formatAddCheckpoint,
  type LogStore,
  LogWriter,
  MemoryLogStore,
  monitoringPath,
  type NoteSigner,
  openCheckpoint,
  parseCheckpoint,
  provesFork,
  TileReader,
} from '@hanse/protocol'
import { signerFrom } from '@hanse/protocol/testing'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { describe, test } from 'vitest'
import { entriesOf, temporaryFolder, testSigner } from './testing/log-folder.ts'
import { createWitness, type WitnessOptions } from './witness-server.ts'
import { type SeenFork, WitnessStore } from './witness-store.ts'

const signer = testSigner()
const cosigner = cosignerOf('witness.example/w', signerFrom(61))
const NOW = 1_800_000_000_000

interface Opened extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly store: WitnessStore
  readonly told: SeenFork[]
  readonly logged: string[]
}

function openWitness(path: string, options: Partial<WitnessOptions> = {}): Opened {
  const told: SeenFork[] = []
  const logged: string[] = []
  const store = new WitnessStore(path)
  const app = createWitness({
    logKeys: [signer.vkey],
    cosigner,
    store,
    log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
    now: () => NOW,
    rate: { burst: 10_000, perSecond: 1 },
    onFork: (fork) => void told.push(fork),
    ...options,
  })
  const close = async () => {
    await app.close()
    store[Symbol.dispose]()
  }
  return { app, store, told, logged, [Symbol.asyncDispose]: close }
}

/** A log that grows, and the requests that its operator would make. */
class TestLog {
  readonly store: LogStore
  readonly #writer: LogWriter
  readonly #checkpoints = new Map<number, string>()

  private constructor(store: LogStore, writer: LogWriter) {
    this.store = store
    this.#writer = writer
  }

  static async of(sizes: readonly number[], history?: string, by: NoteSigner = signer) {
    const store = new MemoryLogStore()
    const log = new TestLog(store, await LogWriter.open(store, by))
    let size = 0
    for (const next of sizes) {
      const { checkpoint } = await log.#writer.append(entriesOf(size, next, history))
      log.#checkpoints.set(next, checkpoint)
      size = next
    }
    return log
  }

  checkpoint(size: number): string {
    return this.#checkpoints.get(size) ?? ''
  }

  async request(oldSize: number, size: number): Promise<string> {
    const reader = new TileReader(async (path) => await this.store.read(path), BigInt(size))
    const proof = await reader.consistencyProof(BigInt(oldSize))
    const checkpoint = this.checkpoint(size)
    return formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint })
  }
}

async function add({ app }: Opened, body: string | Buffer) {
  const { statusCode, headers, payload } = await app.inject({
    method: 'POST',
    url: '/add-checkpoint',
    payload: body,
  })
  return {
    status: statusCode,
    type: headers['content-type'],
    code: headers['x-hanse-code'],
    body: payload,
  }
}

async function latest({ app }: Opened): Promise<string> {
  return (await app.inject({ url: `/${monitoringPath(signer.name)}` })).payload
}

describe('a witness', () => {
  test('cosigns an honest log as it grows, also after a restart', async () => {
    using folder = temporaryFolder()
    const sizes = [0, 1, 2, 255, 256, 257, 1000]
    const log = await TestLog.of(sizes)
    let old = 0
    for (const size of sizes) {
      await using witness = openWitness(folder.at('witness.db'))
      const { status, body } = await add(witness, await log.request(old, size))
      assert.equal(status, 200, body)
      const note = addCosignatures(log.checkpoint(size), body, [cosigner.vkey])
      const opened = openCheckpoint(note, signer.vkey, [cosigner.vkey])
      assert.equal(opened.cosignatures[0]?.timestamp, BigInt(NOW / 1000))
      const monitored = openCheckpoint(await latest(witness), signer.vkey, [cosigner.vkey])
      assert.equal(monitored.size, BigInt(size))
      assert.equal(monitored.cosignatures.length, 1)
      old = size
    }
    await using witness = openWitness(folder.at('witness.db'))
    assert.equal((await add(witness, await log.request(1000, 1000))).status, 200, 'once more')
    assert.deepEqual(witness.told, [])
  })

  test('answers what it does not cosign as tlog-witness says, with our code beside it', async () => {
    using folder = temporaryFolder()
    await using witness = openWitness(folder.at('witness.db'))
    const log = await TestLog.of([4, 9, 20])
    assert.equal((await add(witness, await log.request(0, 9))).status, 200)
    const stale = await add(witness, await log.request(4, 20))
    const { status, type, body } = stale
    assert.deepEqual({ status, type, body }, { status: 409, type: 'text/x.tlog.size', body: '9\n' })
    const good = await log.request(9, 20)
    const lines = good.split('\n')
    const strangers = await TestLog.of([9], undefined, testSigner('log.example/other'))
    const thieves = await TestLog.of([9, 20], undefined, testSigner(signer.name, 7))
    const cases: readonly [string, number, string][] = [
      [[lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n'), 422, 'HANSE_LOG_PROOF'],
      [[lines[0], ...lines.slice(2)].join('\n'), 422, 'HANSE_LOG_PROOF'],
      [await strangers.request(0, 9), 404, 'HANSE_LOG_ORIGIN'],
      [await thieves.request(9, 20), 403, 'HANSE_LOG_UNSIGNED'],
      [good.replace(/[^\n]{9}\n$/u, 'AAAAAAAA\n'), 400, 'HANSE_LOG_WITNESS_REQUEST'],
      [good.replace('old 9', 'old 21'), 400, 'HANSE_LOG_WITNESS_REQUEST'],
      [good.replace('old 9', 'old 09'), 400, 'HANSE_LOG_WITNESS_REQUEST'],
      ['', 400, 'HANSE_LOG_WITNESS_REQUEST'],
      ['x'.repeat(300_000), 413, 'HANSE_REQUEST_TOO_LARGE'],
    ]
    for (const [request, expected, code] of cases) {
      const answer = await add(witness, request)
      assert.deepEqual([answer.status, answer.code], [expected, code], request.slice(0, 40))
    }
    assert.equal(parseCheckpoint(await latest(witness)).size, 9n, 'none of them changed anything')
    assert.equal((await add(witness, good)).status, 200)
    for (const path of [`/${monitoringPath('nobody')}`, '/x/checkpoint', '/']) {
      assert.equal((await witness.app.inject({ url: path })).statusCode, 404)
    }
  })

  test('never goes back when requests come at once, in two processes too', async () => {
    using folder = temporaryFolder()
    const sizes = [1, ...Array.from({ length: 20 }, (_, i) => 2 + 3 * i)]
    const log = await TestLog.of(sizes)
    await using first = openWitness(folder.at('witness.db'))
    await using second = openWitness(folder.at('witness.db'))
    await add(first, await log.request(0, 1))
    let known = 1
    for (let round = 0; round < 12; round++) {
      const requests = await Promise.all(
        sizes.filter((size) => size >= known).map(async (size) => await log.request(known, size)),
      )
      const answers = await Promise.all(
        requests.map(async (request, i) => await add(i % 2 === 0 ? first : second, request)),
      )
      for (const { status } of answers) assert.ok(status === 200 || status === 409)
      const size = Number(parseCheckpoint(await latest(first)).size)
      assert.ok(size >= known)
      known = size
    }
  })

  test.each([
    ['the latest tree', 9],
    ['a tree that it has long left behind', 4],
  ])('keeps the proof of a fork of %s, and tells of it once', async (_which, size) => {
    using folder = temporaryFolder()
    const honest = await TestLog.of([4, 9])
    const forked = await TestLog.of([4, 9], 'other')
    {
      await using witness = openWitness(folder.at('witness.db'))
      await add(witness, await honest.request(0, 4))
      await add(witness, await honest.request(4, 9))
      const request = formatAddCheckpoint({
        oldSize: BigInt(size),
        proof: [],
        checkpoint: forked.checkpoint(size),
      })
      for (const _ of [1, 2, 3]) {
        const { status } = await add(witness, request)
        assert.equal(status, size === 9 ? 422 : 409)
      }
      assert.equal(witness.told.length, 1)
      assert.equal(witness.logged.filter((line) => line.includes('"level":60')).length, 1)
      assert.equal(parseCheckpoint(await latest(witness)).size, 9n)
    }
    await using witness = openWitness(folder.at('witness.db'))
    const { forks, witness: vkey } = (await witness.app.inject({ url: '/forks' })).json()
    assert.equal(vkey, cosigner.vkey)
    assert.equal(forks.length, 1)
    assert.equal(forks[0].kind, 'fork')
    assert.ok(provesFork(forks[0], signer.vkey))
  })

  test('keeps apart what only was not proved: the sender may be to blame', async () => {
    using folder = temporaryFolder()
    await using witness = openWitness(folder.at('witness.db'))
    const honest = await TestLog.of([9])
    const forked = await TestLog.of([9, 20], 'other')
    await add(witness, await honest.request(0, 9))
    assert.equal((await add(witness, await forked.request(9, 20))).status, 422)
    const [fork, ...more] = witness.store.forks()
    assert.deepEqual([fork?.kind, more], ['unproved', []])
    assert.equal(fork?.second, forked.checkpoint(20))
  })

  test('makes one address wait, and not the next', async () => {
    using folder = temporaryFolder()
    let now = NOW
    await using witness = openWitness(folder.at('witness.db'), {
      rate: { burst: 3, perSecond: 1 },
      now: () => now,
    })
    const get = async (remoteAddress: string) =>
      (await witness.app.inject({ url: '/forks', remoteAddress })).statusCode
    for (const expected of [200, 200, 200, 429]) assert.equal(await get('10.0.0.1'), expected)
    assert.equal(await get('10.0.0.2'), 200)
    now += 1_000
    assert.equal(await get('10.0.0.1'), 200)
    assert.equal(await get('10.0.0.1'), 429)
  })
})
