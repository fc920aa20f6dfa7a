import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  type Cosigner,
  cosignerOf,
  decideAddCheckpoint,
  noteSignerOf,
  openCheckpoint,
  WITNESS_SIZE_TYPE,
} from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { openTestStore } from '../testing/database-template.ts'
import { newSigner } from '../testing/deals.ts'
import { NETWORK, NOW } from '../testing/market.ts'
import type { LogFact } from './log-fact.ts'
import { SettlementLog } from './settlement-log.ts'

/** A witness by the protocol's rules, behind a server that may be told to fail. */
class Witness {
  readonly vkey: string
  /** What it answers instead, and to how many requests. */
  failing: { status: number; times: number } | undefined
  latest: string | undefined
  statuses: number[] = []
  readonly #server: Server

  private constructor(logKey: string, server: Server) {
    const cosigner = cosignerOf('witness.example', newSigner())
    this.vkey = cosigner.vkey
    this.#server = server
    server.on('request', (request, response) => {
      void text(request).then((body) => this.#answer({ logKey, cosigner }, body, response))
    })
  }

  #answer(
    { logKey, cosigner }: { logKey: string; cosigner: Cosigner },
    body: string,
    response: ServerResponse,
  ): void {
    if (this.failing !== undefined && this.failing.times-- > 0) {
      response.writeHead(this.failing.status).end('no\n')
      return
    }
    const context = { logKeys: [logKey], cosigner, nowSeconds: BigInt(NOW) / 1000n }
    const decision = decideAddCheckpoint(context, this.latest, body)
    if (decision.status === 200) this.latest = decision.latest
    this.statuses.push(decision.status)
    const type = decision.status === 409 ? WITNESS_SIZE_TYPE : 'text/plain'
    response.writeHead(decision.status, { 'content-type': type }).end(decision.body)
  }

  static async open(logKey: string): Promise<Witness> {
    const server = createServer()
    const witness = new Witness(logKey, server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return witness
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/w`
  }

  close(): void {
    this.#server.close()
  }
}

const key = newSigner()
const identity = newSigner()
const vkey = noteSignerOf('settlement.test/log', key).vkey
const fact: LogFact = { kind: 'payout', record: null, owner: null, details: null }

let store: SettlementStore
let witnesses: Witness[]
beforeAll(async () => {
  store = await openTestStore()
  witnesses = [await Witness.open(vkey), await Witness.open(vkey)]
})
afterAll(async () => {
  for (const witness of witnesses) witness.close()
  await store.close()
})

test('every checkpoint is shown to the witnesses, and what they sign is served with it', async () => {
  const clock = { now: NOW }
  const failures: string[] = []
  const open = (of: readonly Witness[]) =>
    SettlementLog.open({
      store,
      network: NETWORK,
      identity,
      key,
      defaultOrigin: 'settlement.test/log',
      witnesses: of.map((witness) => ({ vkey: witness.vkey, url: witness.url })),
      now: () => clock.now,
      onFailure: (what) => failures.push(what),
    })
  const cosigners = async () => {
    const { cosigned } = (await store.logHead()) ?? { cosigned: '' }
    const keys = witnesses.map((witness) => witness.vkey)
    const { size, cosignatures } = openCheckpoint(cosigned, vkey, keys)
    return [size, cosignatures.length]
  }
  const [good, bad] = witnesses as [Witness, Witness]
  const log = await open([good, bad])
  const grow = async (count: number) => {
    for (let i = 0; i < count; i++) await store.logFact(fact, clock.now)
    await log.tick()
    await log.settled()
  }
  await log.settled()
  expect(await cosigners()).toEqual([1n, 2])
  expect(good.statuses).toEqual([200])

  // One fails: the log grows, the other one signs, and the one that fails is left alone for longer each time.
  bad.failing = { status: 503, times: 2 }
  await grow(2)
  await grow(1)
  expect(await cosigners()).toEqual([4n, 1])
  expect(bad.failing.times).toBe(1)
  clock.now += 1_001
  await grow(0)
  expect(bad.failing.times).toBe(0)
  clock.now += 1_001
  await grow(0)
  expect(await cosigners()).toEqual([4n, 1])
  clock.now += 1_000
  await grow(0)
  expect(await cosigners()).toEqual([4n, 2])
  expect(failures).toHaveLength(2)

  // A checkpoint that has both lines is not shown again.
  const asked = good.statuses.length
  await grow(0)
  expect(good.statuses).toHaveLength(asked)
  expect(good.statuses.every((status) => status === 200)).toBe(true)

  // What this log believes of a witness may be wrong: the witness tells, and gets the proof from there.
  await store.keepCosigned(good.vkey, 1n, null)
  await store.keepCosigned(bad.vkey, 0n, null)
  await grow(300)
  expect(await cosigners()).toEqual([304n, 2])
  expect(good.statuses.slice(-2)).toEqual([409, 200])

  // A new process shows the checkpoint again, which changes nothing.
  const other = await open([good, bad])
  await other.settled()
  expect(await cosigners()).toEqual([304n, 2])

  // A witness that lost its state begins anew.
  good.latest = undefined
  await grow(1)
  expect(await cosigners()).toEqual([305n, 2])
})
