import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { compareBooks } from '../support/books.ts'
import { type ChatEnd, type ChatStream, openChat, openChats } from '../support/chat-stream.ts'
import { untilOffered } from '../support/fresh-look.ts'
import { childrenOf, VllmProcess } from '../support/processes.ts'
import { type SessionFacts, sessionsOf } from '../support/sessions.ts'

const OWN = 'hanse/tiny-v1:f16'
const FAR = 'test/far'
const STREAMS = 16
/** A session's own timers end it long before. */
const HANG_MS = 60_000
const BACK_MS = 30_000
const RECEIPT_EVERY = 8

let stateDir = ''
let market: Market
let engine: VllmProcess

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-crashes-'))
  engine = await startEngine('0')
  const far = ['--engine', 'openai', '--engine-url', `${engine.url}/v1`, '--models', `${FAR}=far`]
  const slots = ['--slots', `${STREAMS}`]
  market = await Market.start({
    stateDir,
    gatewayArgs: ['--receipt-every', `${RECEIPT_EVERY}`],
    providers: [
      { name: 'own', country: 'DE', inputPrice: '1', outputPrice: '10', args: slots },
      { name: 'far', country: 'NL', inputPrice: '1', outputPrice: '10', args: [...far, ...slots] },
    ],
  })
  await market.operator.topUp(market.tenant, 50_000n)
})

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await engine?.[Symbol.asyncDispose]()
  await rm(stateDir, { recursive: true, force: true })
})

async function startEngine(port: string): Promise<VllmProcess> {
  const pace = ['--tokens', '4000', '--tokens-per-second', '40', '--model', 'far']
  return await VllmProcess.start(['--port', port, ...pace])
}

/** Sixteen answers of which each has begun. */
async function sixteen(model: string): Promise<ChatStream[]> {
  const asked = { gatewayUrl: market.gatewayUrl, model, maxTokens: 2_000 }
  const streams = openChats(STREAMS, asked, HANG_MS)
  await Promise.all(streams.map(({ begun }) => begun))
  return streams
}

const endsOf = async (streams: readonly ChatStream[]): Promise<ChatEnd[]> =>
  await Promise.all(streams.map(({ ended }) => ended))

/** Every stream was told that it is over; @returns the sessions of those that were cut. */
function assertNoneHung(ends: readonly ChatEnd[], codes: readonly string[]): string[] {
  for (const { end, code } of ends) {
    assert.ok(end === 'whole' || end === 'error', `a stream was ${end}`)
    if (end === 'error') assert.ok(codes.includes(code ?? ''), `${code}`)
  }
  const cut = ends.filter(({ end }) => end === 'error')
  assert.ok(cut.length > STREAMS / 2, `${cut.length} of ${ends.length} were in the middle`)
  return cut.flatMap(({ session }) => session ?? [])
}

/** What was countersigned is paid, whatever became of the session. */
async function assertPaid(sessions: readonly string[], reasons: readonly string[]): Promise<void> {
  await until('settlement has acknowledged every session', async () => {
    const facts = await Promise.all(sessions.map(factsOf))
    return facts.every(({ settled, reason }) => settled === true && reason !== undefined)
  })
  for (const { session, amount, reason } of await Promise.all(sessions.map(factsOf))) {
    assert.ok(reasons.includes(reason ?? ''), reason)
    const response = await fetch(`${market.settlementUrl}/v1/receipts/${session}`)
    const booked = amount === '0' ? { amount: '0' } : await response.json()
    assert.equal((booked as { amount: string }).amount, amount)
  }
}

async function factsOf(session: string): Promise<SessionFacts> {
  const response = await fetch(`${market.gatewayUrl}/hanse/v1/sessions/${session}`)
  return (await response.json()) as SessionFacts
}

async function assertServes(model: string, provider: string): Promise<void> {
  let last: ChatEnd | undefined
  // The gateway may still hold what it knew before.
  for (let tries = 0; tries < 20; tries++) {
    const asked = { gatewayUrl: market.gatewayUrl, model, maxTokens: 5 }
    last = await openChat(asked, HANG_MS).ended
    if (last.end === 'whole') break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  assert.equal(last?.end, 'whole', JSON.stringify(last))
  assert.equal(last?.provider, peerIdOf(provider))
}

const peerIdOf = (name: string): string => market.providers.get(name)?.peerId ?? ''

/** @returns how long after `since` a stranger has found the offer, ms */
async function backAfter(name: string, since: number): Promise<number> {
  const took = await untilOffered(peerIdOf(name), since, BACK_MS, {
    relayAddress: market.relayAddress,
    network: NETWORK,
  })
  console.log(`${name}: back on the market after ${(took / 1000).toFixed(1)} s`)
  return took
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 450; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`never: ${what}`)
}

describe('kill -9 in the middle of sixteen streams', () => {
  test('of the model’s process: each is told, what was signed is paid, and a new process serves', async () => {
    const daemon = market.child('own').pid ?? 0
    const worker = () => childrenOf(daemon, /llama\/worker\.ts/u)
    const [before] = worker()
    assert.ok(before !== undefined)
    const streams = await sixteen(OWN)
    process.kill(before, 'SIGKILL')
    const sessions = assertNoneHung(await endsOf(streams), ['HANSE_ENGINE_FAILED'])
    await assertServes(OWN, 'own')
    assert.equal(market.child('own').pid, daemon)
    assert.equal(worker().length, 1)
    assert.notEqual(worker()[0], before)
    await assertPaid(sessions, ['engine-failed'])
  })

  test('of the engine: each is told, what was signed is paid, and it serves when the engine is back', async () => {
    const streams = await sixteen(FAR)
    await engine.kill()
    const sessions = assertNoneHung(await endsOf(streams), ['HANSE_ENGINE_FAILED'])
    engine = await startEngine(engine.port)
    await assertServes(FAR, 'far')
    await assertPaid(sessions, ['engine-failed'])
  })

  test('of the daemon: each is told, and it is back on the market within half a minute', async () => {
    const streams = await sixteen(FAR)
    await market.child('far').killed()
    const since = Date.now()
    const [ends] = await Promise.all([endsOf(streams), market.restart('far')])
    const sessions = assertNoneHung(ends, ['HANSE_SESSION_CUT'])
    await backAfter('far', since)
    await assertServes(FAR, 'far')
    await assertPaid(sessions, ['provider-unreachable'])
  })

  test('of the relay: answers go on, and strangers find every offer again', async () => {
    const streams = await sixteen(FAR)
    await market.child('relay').killed()
    const since = Date.now()
    await market.restart('relay')
    await Promise.all([backAfter('far', since), backAfter('own', since)])
    for (const stream of streams) stream.abort()
    const ends = await endsOf(streams)
    assert.ok(
      ends.every(({ tokens, end }) => tokens > 0 && end === 'cut'),
      JSON.stringify(ends),
    )
    await assertPaid(
      ends.flatMap(({ session }) => session ?? []),
      ['cancelled'],
    )
  })

  test('of the gateway: providers stop, and both sides are settled when it is back', async () => {
    const streams = await sixteen(FAR)
    const sessions = (await sessionsOf(market)).filter(({ reason }) => reason === undefined)
    assert.equal(sessions.length, STREAMS)
    await market.child('gateway').killed()
    for (const { end } of await endsOf(streams)) assert.equal(end, 'cut')
    await until('the engine computes for nobody', async () => {
      const { running } = await engine.control({})
      return running === 0
    })
    await market.restart('gateway')
    await assertServes(FAR, 'far')
    await assertPaid(
      sessions.map(({ session }) => session),
      ['crashed'],
    )
  })
})

test('after all of it, no receipt is lost and none is booked twice', async () => {
  await market.child('gateway')[Symbol.asyncDispose]()
  for (const name of market.providers.keys()) await market.child(name)[Symbol.asyncDispose]()
  const { sessions } = await compareBooks(market, stateDir)
  assert.ok(sessions > 3 * STREAMS, `${sessions} sessions were paid`)
})
