import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { loadOrCreateIdentity, type Network, OfferDirectory, openNetwork } from '@hanse/node'
import { prepareDataDir } from '@hanse/settlement/testing/database'
import { ENGINE_PROCESS } from '@hanse/simulations/lab'
import { Market, NETWORK } from '../../scripts/demo/market.ts'
import { LoadClient } from './load-client.ts'
import { machineFacts } from './report.ts'
import { percentile } from './statistics.ts'
import { tell } from './told.ts'

const USAGE = `usage: npm run bench:start -- [--json FILE] [--quick]

From the start of a new provider, with a new identity, until another node has its offer, a gateway has an answer of it, and
settlement has booked the first session; without npm ci. Beside a process that only loads the command's modules, and beside
Portkey's gateway until its first answer.

  --json FILE   where the figures are written (default: bench-results/start.json)
  --quick       a rough run`

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const HANSE = pathOf('../../node/bin/hanse.mjs')
const PORTKEY = pathOf('./gateway/portkey-process.ts')
const STARTS = 9
const ENGINE_MODEL = 'stub'
const PATIENCE_MS = 120_000
const LOOK_MS = 20
const TOKENS = 16

interface Times {
  readonly version: number
  readonly portkey: number
  readonly offer: number
  readonly answer: number
  readonly paid: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/start.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  const all = await measure(values.quick ? 1 : STARTS)
  const of = (name: keyof Times) => all.map((times) => times[name])
  const median = (name: keyof Times) => percentile(of(name), 0.5)
  const limit = median('version')
  tell(
    {
      benchmark: 'start',
      quick: values.quick,
      startedAt,
      machine,
      values: {
        'start-offer': { ours: median('offer'), limit },
        'start-answer': { ours: median('answer'), limit, other: median('portkey') },
        'start-paid': { ours: median('paid'), limit },
      },
      samples: {
        version: of('version'),
        portkey: of('portkey'),
        offer: of('offer'),
        answer: of('answer'),
        paid: of('paid'),
      },
    },
    values.json,
  )
}

async function measure(starts: number): Promise<Times[]> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'hanse-bench-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const stateDir = join(folder, 'market')
  await prepareDataDir(join(stateDir, 'settlement'))
  const market = stack.use(
    await Market.start({ stateDir, providers: [], env: { XDG_CONFIG_HOME: folder } }),
  )
  await market.operator.topUp(market.tenant, 10_000n)
  const engine = market.spawn('engine', [ENGINE_PROCESS, ENGINE_MODEL], {}, stateDir)
  const engineUrl = String((await engine.event('ready')).url)
  const network = stack.use(await joined(market.relayAddress, folder))
  const all: Times[] = []
  for (let i = 1; i <= starts; i++) {
    const version = await timed(async () => {
      await promisify(execFile)(process.execPath, [HANSE, '--version'], { cwd: folder })
    })
    const portkey = await startPortkey(market, stateDir, engineUrl)
    const provider = await startProvider(market, network, engineUrl, `new-${i}`)
    all.push({ version, portkey, ...provider })
    process.stderr.write(
      `start ${i} of ${starts}: first paid job after ${provider.paid.toFixed(0)} ms\n`,
    )
  }
  return all
}

/** Everything runs while a person waits: each time is from the same start. */
async function startProvider(
  market: Market,
  network: Network,
  engineUrl: string,
  name: string,
): Promise<Omit<Times, 'version' | 'portkey'>> {
  const model = `bench/${name}`
  const began = performance.now()
  const since = () => performance.now() - began
  const started = market.addProvider({
    name,
    country: 'DE',
    inputPrice: '1',
    outputPrice: '10',
    args: `--engine openai --engine-url ${engineUrl} --models ${model}=${ENGINE_MODEL}`.split(' '),
  })
  // Whatever becomes of the look-ups, it is awaited below.
  started.catch(() => {})
  const offer = await untilFound(network, model).then(since)
  // With evidence of where it is, which gateways want. One that asked before would remember for a while that nobody is there.
  await started
  const session = await untilAnswered(market.gatewayUrl, model)
  const answer = since()
  await until(async () => (await fetch(`${market.settlementUrl}/v1/receipts/${session}`)).ok)
  const paid = since()
  await market.child(name)[Symbol.asyncDispose]()
  return { offer, answer, paid }
}

async function startPortkey(market: Market, stateDir: string, engineUrl: string): Promise<number> {
  return await timed(async () => {
    await using portkey = market.spawn('portkey', [PORTKEY], {}, stateDir)
    const { url } = await portkey.event('ready')
    const client = new LoadClient(String(url), ENGINE_MODEL, {
      authorization: 'Bearer none',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': engineUrl,
    })
    await client.ask({ tokens: TOKENS })
    client.close()
  })
}

/** Looks again and again, each time as if for the first time. */
async function untilFound(network: Network, model: string): Promise<void> {
  await until(async () => {
    const context = { network: NETWORK }
    const directory = new OfferDirectory({ network, context, now: Date.now })
    return (await directory.find(model, ['*'])).length > 0
  })
}

/** @returns the session of the first whole answer */
async function untilAnswered(gatewayUrl: string, model: string): Promise<string> {
  let session = ''
  await until(async () => {
    const response = await fetch(`${gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      }),
    })
    await response.arrayBuffer()
    session = response.headers.get('x-hanse-session') ?? ''
    return response.ok
  })
  return session
}

async function joined(relay: string, folder: string): Promise<Network> {
  const network = await openNetwork({
    privateKey: await loadOrCreateIdentity(join(folder, 'looker.key')),
    listen: [],
    lan: true,
    dhtClient: true,
    validateRecord: async () => {},
    selectRecord: () => 0,
  })
  network.keepConnected([relay])
  await network.whenConnected(AbortSignal.timeout(PATIENCE_MS))
  return network
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const last = performance.now() + PATIENCE_MS; performance.now() < last; ) {
    if (await holds()) return
    await sleep(LOOK_MS)
  }
  throw new Error('it did not come to it within two minutes')
}

async function timed(run: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await run()
  return performance.now() - began
}

await main()
