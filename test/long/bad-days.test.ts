import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type FetchedOffer, loadOrCreateIdentity, NodeStore, OfferDirectory } from '@hanse/node'
import { picoEuro, SESSION_PROTOCOL } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Child } from '../../scripts/demo/child.ts'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { openPeer, Stranger } from '../soak/stranger.ts'
import { compareBooks } from '../support/books.ts'
import { type ChatEnd, openChat } from '../support/chat-stream.ts'
import type { DoubleFault } from '../support/engine-double.ts'
import { hanse } from '../support/hanse.ts'
import { residentBytes, VllmProcess } from '../support/processes.ts'
import type { SessionFacts } from '../support/sessions.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const TINY = fileURLToPath(new URL('../../models/hanse-tiny-v1.gguf', import.meta.url))
const WRONG_CLOCK = new URL('../support/wrong-clock.mjs', import.meta.url).href
const MODEL = 'test/far'
const HANG_MS = 60_000
const MIB = 1 << 20
const WINDOW = picoEuro(10n ** 9n)
/** Of the provider's process: its buffers are bounded, and so is what a collector leaves behind meanwhile. */
const GROWTH_MAX = 300 * MIB

let stateDir = ''
let market: Market
let engine: VllmProcess
/** Sells to strangers on credit. */
let creditPeer = ''
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'hanse-bad-days-'))
  stack.defer(async () => await rm(stateDir, { recursive: true, force: true }))
  const pace = ['--tokens', '2000', '--tokens-per-second', '100', '--model', 'far']
  engine = stack.use(await VllmProcess.start(['--port', '0', ...pace]))
  market = stack.use(
    await Market.start({
      stateDir,
      gatewayArgs: ['--receipt-every', '16'],
      providers: [
        {
          name: 'far',
          country: 'DE',
          inputPrice: '1',
          outputPrice: '10',
          args: [...engineArgs(MODEL), '--slots', '8'],
        },
      ],
    }),
  )
  await market.operator.topUp(market.tenant, 50_000n)
})

afterAll(async () => await stack.disposeAsync())

const engineArgs = (model: string): string[] => [
  '--engine',
  'openai',
  '--engine-url',
  `${engine.url}/v1`,
  '--engine-idle-ms',
  '1000',
  '--models',
  `${model}=far`,
]

/** Settings of a provider in this market. */
const inMarket = (name: string, more: readonly string[] = []): string[] => [
  '--network',
  NETWORK,
  '--data-dir',
  join(stateDir, name),
  '--bootstrap',
  market.relayAddress,
  '--settlement-url',
  market.settlementUrl,
  ...more,
]

const terms = ['--country', 'DE', '--input-price', '1', '--output-price', '10']

async function startProvider(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const all = inMarket(name, [...terms, '--statement-every-ms', '1000', ...args])
  const child = market.spawn(name, [HANSE, 'provider', '--json', ...all], env, stateDir)
  child.on((event, facts) => {
    if (event === 'onboarding') void fetch(String(facts.url)).catch(() => {})
  })
  await child.event('ready')
  return child
}

const chat = async (model: string, maxTokens = 20): Promise<ChatEnd> =>
  await openChat({ gatewayUrl: market.gatewayUrl, model, maxTokens }, HANG_MS).ended

/** A new offer takes a moment to be found. */
async function untilServed(model: string): Promise<ChatEnd> {
  let last: ChatEnd | undefined
  for (let tries = 0; tries < 60; tries++) {
    last = await chat(model)
    if (last.end === 'whole') return last
    await delay(500)
  }
  assert.fail(`${model} is not served: ${JSON.stringify(last)}`)
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await holds()) return
    await delay(100)
  }
  assert.fail(`never: ${what}`)
}

const amountOf = async (session: string): Promise<bigint> => {
  const response = await fetch(`${market.gatewayUrl}/hanse/v1/sessions/${session}`)
  return BigInt(((await response.json()) as SessionFacts).amount)
}

/** What `hanse doctor` finds, by what it looked at. */
async function examine(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Map<string, string>> {
  const asked = ['doctor', 'provider', ...inMarket(name, args), '--json']
  const { stdout, stderr } = await hanse(asked, stateDir, env)
  assert.notEqual(stdout, '', stderr)
  const { programs } = JSON.parse(stdout) as {
    programs: { findings: { id: string; state: string }[] }[]
  }
  return new Map(programs[0]?.findings.map(({ id, state }) => [id, state]))
}

describe('an engine on a bad day', () => {
  test.each<DoubleFault>([
    'fail',
    'busy',
    'hang-mid',
    'die-mid',
    'error-mid',
    'garbage',
    'oversize',
  ])('that does “%s” is an error to its consumer alone, who pays for what came', async (fault) => {
    const asked = { gatewayUrl: market.gatewayUrl, model: MODEL, maxTokens: 120 }
    const other = openChat(asked, HANG_MS)
    await other.begun
    await engine.control({ fault, faultAfter: 20 })
    const bad = await chat(MODEL, 120)
    await engine.control({ fault: 'none' })
    assert.equal(bad.end, 'error')
    assert.match(bad.code ?? '', /^HANSE_ENGINE_/u)
    if (fault !== 'fail' && fault !== 'busy') {
      assert.equal(bad.tokens, 20)
      // The final receipt covers all of it: the prompt, and twenty tokens at ten.
      assert.ok((await amountOf(bad.session ?? '')) >= 200_000_000n)
    }
    const good = await other.ended
    assert.deepEqual([good.end, good.tokens], ['whole', 120])
    await untilServed(MODEL)
    assert.equal(market.failed, undefined)
  })
})

describe('a model file that is cut short', () => {
  const file = () => join(stateDir, 'cut.gguf')
  beforeAll(async () => {
    await copyFile(TINY, file())
    await truncate(file(), 2 * MIB)
  })

  test('alone is a clear end of the daemon', async () => {
    const settings = ['--engine', 'builtin', '--model-files', file(), ...terms]
    const { code, stderr } = await hanse(
      ['provider', ...inMarket('cut', settings), '--yes'],
      stateDir,
    )
    assert.equal(code, 1)
    assert.match(stderr, /cut\.gguf.*HANSE_MODEL_FILE/su)
    assert.doesNotMatch(stderr, /\n {4}at /u)
  })

  test('beside a good one leaves the good one on the market', async () => {
    const files = ['--engine', 'builtin', '--model-files', `test/good=${TINY},${file()}`]
    const child = await startProvider('half', files)
    assert.deepEqual((await child.event('ready')).models, ['test/good'])
    assert.equal((await untilServed('test/good')).end, 'whole')
    await child[Symbol.asyncDispose]()
  })
})

describe('what is taken already', () => {
  test.each(['--listen', '--metrics-port'])(
    'a port (%s) ends the start, and is named',
    async (flag) => {
      const taken = createServer()
      taken.listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const address = taken.address()
      const port = typeof address === 'object' ? `${address?.port}` : ''
      try {
        const value = flag === '--listen' ? `/ip4/127.0.0.1/tcp/${port}` : port
        const args = inMarket('taken', [...terms, ...engineArgs('test/taken'), flag, value])
        const { code, stderr } = await hanse(['provider', ...args, '--yes'], stateDir)
        assert.equal(code, 1)
        assert.match(stderr, /HANSE_ADDRESS_IN_USE/u)
        assert.ok(stderr.includes(port) && stderr.includes(flag), stderr)
      } finally {
        taken.close()
      }
    },
  )

  test('a data folder ends the start of a second daemon, and the first goes on', async () => {
    const args = inMarket('far', [...terms, ...engineArgs(MODEL)])
    const { code, stderr } = await hanse(['provider', ...args, '--yes'], stateDir)
    assert.equal(code, 1)
    assert.match(stderr, /HANSE_ALREADY_RUNNING/u)
    assert.equal((await chat(MODEL)).end, 'whole')
  })

  test('an identity on a second machine: the doctor sees it, and nothing is booked twice', async () => {
    await mkdir(join(stateDir, 'copy'), { mode: 0o700 })
    const key = 'identity.key'
    await copyFile(join(stateDir, 'far', key), join(stateDir, 'copy', key))
    const copy = await startProvider('copy', engineArgs(MODEL))
    await copy.event('live')
    const ends = await Promise.all(Array.from({ length: 4 }, async () => await chat(MODEL)))
    assert.ok(
      ends.every(({ end }) => end === 'whole' || end === 'error'),
      JSON.stringify(ends),
    )
    const findings = await examine('far', engineArgs(MODEL))
    assert.equal(findings.get('identity.twin'), 'fail')
    await copy[Symbol.asyncDispose]()
    await untilServed(MODEL)
  })
})

describe('a clock that is wrong', () => {
  test.each([
    ['ten minutes fast', 600_000],
    ['two hours slow', -7_200_000],
  ])('by %s: nobody buys, nothing breaks, and the doctor says why', async (what, ms) => {
    const name = what.replaceAll(' ', '-')
    const model = `test/${name}`
    const env = { NODE_OPTIONS: `--import=${WRONG_CLOCK}`, HANSE_TEST_CLOCK_MS: `${ms}` }
    const child = await startProvider(name, engineArgs(model), env)
    await delay(3_000)
    const { end, code } = await chat(model)
    assert.equal(end, 'error')
    assert.match(
      code ?? '',
      /^HANSE_(?:ORDER_EXPIRED|ORDER_OFFER_UNKNOWN|MODEL_UNKNOWN|NO_PROVIDER|PROVIDER_UNREACHABLE|CLOCK)$/u,
    )
    assert.equal(child.failed, false)
    assert.equal((await examine(name, engineArgs(model), env)).get('clock.offset'), 'fail')
    await child[Symbol.asyncDispose]()
  })
})

describe('a consumer that means no good', () => {
  test('reads nothing, opens ten thousand streams or sends a gigabyte: others are served meanwhile', async () => {
    const model = 'test/credit'
    const credit = ['--slots', '8', '--unsecured-credit', '1']
    const child = await startProvider('credit', [...engineArgs(model), ...credit])
    creditPeer = String((await child.event('ready')).peerId)
    const { pid = 0 } = child
    await untilServed(model)
    const offer = await findOffer(model)
    const before = residentBytes(pid)
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, residentBytes(pid))
    }, 50)
    try {
      for (const misbehave of [readNothing, openTenThousand, sendGigabyte]) {
        await using stranger = await Stranger.open({
          keyFile: join(stateDir, `${misbehave.name}.key`),
          offer,
          random: Math.random,
          tell: () => {},
          networkName: NETWORK,
        })
        const done = misbehave(stranger)
        assert.equal((await untilServed(model)).end, 'whole', misbehave.name)
        await done
        assert.equal((await untilServed(model)).end, 'whole', misbehave.name)
      }
    } finally {
      clearInterval(watch)
    }
    console.log(`memory: ${Math.round(before / MIB)} MiB, at most ${Math.round(most / MIB)} MiB`)
    assert.ok(most - before < GROWTH_MAX, `${(most - before) / MIB} MiB more`)
    assert.equal(market.failed, undefined)
  })
})

/** Mounting takes root. */
if (process.getuid?.() === 0) {
  test('a full disk refuses new sessions, keeps what was signed, and is forgotten when there is space', async () => {
    const folder = join(stateDir, 'full')
    await mkdir(folder, { mode: 0o700 })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'hanse-test', folder])
    stack.defer(() => void execFileSync('umount', [folder]))
    const model = 'test/full'
    const child = await startProvider('full', [...engineArgs(model), '--slots', '8'])
    stack.use(child)
    const { peerId } = await child.event('ready')
    market.providers.set('full', { child, peerId: String(peerId) })
    await child.event('live', ({ evidenceLevel }) => Number(evidenceLevel) >= 3)
    await untilServed(model)
    const asked = { gatewayUrl: market.gatewayUrl, model, maxTokens: 400 }
    const running = Array.from({ length: 4 }, () => openChat(asked, HANG_MS))
    await Promise.all(running.map(({ begun }) => begun))
    await fill(folder)
    const ends = await Promise.all(running.map(async ({ ended }) => await ended))
    assert.ok(ends.every(({ end }) => end === 'whole' || end === 'error'))
    const refused = await chat(model)
    assert.equal(refused.end, 'error', JSON.stringify(refused))
    assert.match(refused.code ?? '', /^HANSE_/u)
    await delay(2_000)
    assert.equal(child.failed, false)
    await unlink(join(folder, 'ballast'))
    assert.equal((await untilServed(model)).end, 'whole')
    await until('the provider has ended and told of every session', async () => {
      using store = new NodeStore(join(folder, 'node.db'))
      return (
        store.outbox().length === 0 && store.sessions().every((each) => each.endedAt !== undefined)
      )
    })
  })
}

test('after all of it, no receipt is lost and none is booked twice', async () => {
  await market.child('gateway')[Symbol.asyncDispose]()
  for (const name of market.providers.keys()) await market.child(name)[Symbol.asyncDispose]()
  const { sessions } = await compareBooks(market, stateDir, [creditPeer])
  assert.ok(sessions > 0)
})

/** Until not a byte more is taken. */
async function fill(folder: string): Promise<void> {
  const path = join(folder, 'ballast')
  for (const bytes of [MIB, 4096, 1]) {
    try {
      for (;;) await writeFile(path, new Uint8Array(bytes), { flag: 'a' })
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
}

async function findOffer(model: string): Promise<FetchedOffer> {
  const key = await loadOrCreateIdentity(join(stateDir, 'looker.key'))
  await using network = await openPeer(key)
  network.keepConnected([market.relayAddress])
  await network.whenConnected(AbortSignal.timeout(10_000))
  const directory = new OfferDirectory({ network, context: { network: NETWORK }, now: Date.now })
  for (let tries = 0; tries < 50; tries++) {
    const [found] = await directory.find(model, ['*'])
    if (found !== undefined) return found
    await delay(200)
  }
  assert.fail(`no offer of ${model}`)
}

async function readNothing(stranger: Stranger): Promise<void> {
  const streams = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const frames = await stranger.send(stranger.order({ creditWindow: WINDOW }))
      frames.stream.pause()
      return frames
    }),
  )
  await delay(3_000)
  for (const frames of streams) frames.abort(new Error('done'))
}

async function openTenThousand(stranger: Stranger): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const opening = Array.from({ length: 100 }, async () => {
      const signal = AbortSignal.timeout(2_000)
      const addresses = [...stranger.offer.addresses]
      await stranger.network.openStream(addresses, SESSION_PROTOCOL, { signal })
    })
    await Promise.allSettled(opening)
  }
}

/** As the frames of one endless prompt, as fast as it is taken. */
async function sendGigabyte(stranger: Stranger): Promise<void> {
  const chunk = new Uint8Array(64 * 1024)
  for (let sent = 0; sent < 1024 * MIB; ) {
    try {
      const frames = await stranger.openStream()
      while (sent < 1024 * MIB) {
        sent += chunk.byteLength
        if (!frames.write(chunk)) await frames.drained(AbortSignal.timeout(2_000))
      }
    } catch {
      // Cut: it dials again, until it has sent as much as it wanted, or is not let in any more.
      sent += 16 * MIB
    }
  }
}
