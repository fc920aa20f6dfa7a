import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { styleText } from 'node:util'
import { formatEuro, PICO_PER_EURO, parseCheckpoint, picoEuro, verifyBundle } from '@hanse/protocol'
import { ask } from './ask.ts'
import { entriesOf, Market, NETWORK, type ProviderPlan } from './market.ts'
import { freePort } from './ports.ts'
import { buildWeb, WEB_SERVER } from './web.ts'

const MODEL = 'hanse/tiny-v1:f16'
const PROMPT = 'Tell me a story about a baker and a cat.'
const MARKS = { ok: '✓', unproved: '?', failed: '✗' } as const
const CHECKPOINT_FILE = 'checkpoint'
/** The built-in model's stories end before this. */
const MAX_TOKENS = 200

/**
 * A real market is a thousand times cheaper. At these prices one story pays its provider a few whole cents and leaves a
 * remainder in the ledger, so that both can be seen.
 */
const PROVIDERS: readonly ProviderPlan[] = [
  { name: 'provider-de', country: 'DE', inputPrice: '60', outputPrice: '251.37' },
  { name: 'provider-nl', country: 'NL', inputPrice: '60', outputPrice: '312.5' },
  { name: 'provider-us', country: 'US', inputPrice: '30', outputPrice: '120' },
]
const TOP_UP_CENTS = 2_000n
/** Below this a second start tops up again. */
const BALANCE_MIN = picoEuro(6n * PICO_PER_EURO)

/** What the gateway tells of a receipt that it countersigned; amounts and counters as decimal digits. */
interface ReceiptFacts {
  readonly session: string
  readonly sequence: string
  readonly outputTokens: string
  readonly amount: string
  readonly final: string | null
}

const once = process.argv.includes('--once')
const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const step = (title: string): void => say(`\n${styleText('bold', title)}`)
const dim = (text: string): string => styleText('dim', text)

async function main(): Promise<void> {
  const stateDir = resolve('.hanse')
  const started = performance.now()
  step('Starting a network on this machine')
  await buildWeb((line) => say(dim(`  ${line}`)))
  const webPort = await freePort(8789)
  await using market = await Market.start({
    stateDir,
    providers: PROVIDERS,
    ports: { settlement: 8788, gateway: 8787, relay: 4101 },
    gatewayArgs: ['--receipt-every', '32'],
    settlementArgs: ['--web-origin', `http://127.0.0.1:${webPort}`],
    onProgress: (line) => say(dim(`  ${line}`)),
  })
  const web = market.spawn(
    'web',
    [
      WEB_SERVER,
      '--port',
      String(webPort),
      '--gateway',
      market.gatewayUrl,
      '--settlement',
      market.settlementUrl,
      '--network',
      NETWORK,
      '--bootstrap',
      market.relayWebSocket,
    ],
    {},
    stateDir,
  )
  const { url: webUrl } = await web.event('ready')
  writeConfig(stateDir, market)
  say(dim(`  ready after ${((performance.now() - started) / 1000).toFixed(1)} s`))
  await printOffers(market)
  const result = await runOnce(market, stateDir)
  if (once) {
    say(JSON.stringify(result))
    return
  }
  printNext(market, String(webUrl), result.bundle)
  await untilStopped(market)
  say('\nShutting down…')
}

async function runOnce(market: Market, stateDir: string) {
  if ((await market.operator.available(market.tenant)) < BALANCE_MIN) {
    step('Topping up the consumer’s balance through Stripe')
    await market.operator.topUp(market.tenant, TOP_UP_CENTS)
    const available = picoEuro(await market.operator.available(market.tenant))
    say(`  ${formatEuro(available)} available`)
  }
  const receipts: ReceiptFacts[] = []
  market.gateway.on((event, facts) => {
    if (event === 'receipt') receipts.push(facts as unknown as ReceiptFacts)
  })

  // Whoever remembers a checkpoint can see later that the log was only added to.
  const remembered = await rememberCheckpoint(market, stateDir)
  step(`One chat through the gateway: “${PROMPT}”`)
  process.stdout.write('  ')
  const asked = await ask(
    market.gatewayUrl,
    { model: MODEL, prompt: PROMPT, maxTokens: MAX_TOKENS },
    (text) => process.stdout.write(text),
  )
  say()
  say(
    dim(
      `  ${asked.model} by ${asked.provider} in ${asked.country}; first token after ${asked.firstTokenMs} ms`,
    ),
  )

  step('Receipts, each signed by both sides')
  const amount = await printReceipts(receipts, asked.session)

  step('Settlement: the ledger')
  await untilSettled(market, asked.session)
  const booked = await printLedger(market, asked.session)
  if (booked !== amount) throw new Error(`booked ${booked}, the receipts say ${amount}`)

  step('The session’s bundle, checked offline')
  const bundlePath = await saveBundle(market, asked.session, stateDir, remembered)
  const report = verifyBundle(bundlePath.bytes, {
    network: NETWORK,
    attestors: [market.settlementPeerId],
    settlements: [market.settlementPeerId],
    checkpoint: { note: remembered },
  })
  for (const { id, status, detail } of report.checks)
    say(`  ${MARKS[status]} ${id.padEnd(18)} ${detail}`)
  if (!report.verified) throw new Error('the bundle does not verify')

  step('Payout through Stripe, in whole cents')
  const payouts = await market.operator.runPayouts()
  const ours = payouts.find(({ provider }) => provider === asked.provider)
  if (ours === undefined) throw new Error('no payout for the provider')
  for (const { provider, cents, state } of payouts)
    say(`  ${(Number(cents) / 100).toFixed(2)} EUR to ${provider}: ${state}`)
  const check = await market.operator.checkLedger()
  say(
    check.balanced
      ? '  the ledger balances'
      : `  DIFFERENCES: ${JSON.stringify(check.differences)}`,
  )
  if (!check.balanced) throw new Error('the ledger does not balance')
  return {
    model: asked.model,
    outputTokens: asked.outputTokens,
    receipts: receipts.length,
    bundle: bundlePath.path,
    verified: report.verified,
    booked: booked.toString(),
    ledgerBalanced: check.balanced,
    payoutCents: Number(ours.cents),
    provider: asked.provider,
    country: asked.country,
    firstTokenMs: asked.firstTokenMs,
  }
}

async function printOffers(market: Market): Promise<void> {
  step('Offers that the gateway found')
  const response = await fetch(`${market.gatewayUrl}/hanse/v1/offers`)
  type Row = {
    country: string
    outputPrice: string
    provider: string
    reasons?: { message: string }[]
  }
  const { candidates, excluded } = (await response.json()) as { candidates: Row[]; excluded: Row[] }
  const line = ({ country, outputPrice, provider }: Row) =>
    `${country}  ${(Number(outputPrice) / 1e6).toFixed(2).padStart(7)} EUR/Mtok out  …${provider.slice(-8)}`
  for (const offer of candidates) say(`  ${styleText('green', '✓')} ${line(offer)}`)
  for (const offer of excluded)
    say(dim(`  – ${line(offer)}  excluded: ${offer.reasons?.[0]?.message}`))
}

/** @returns the amount of the last one, pico-euro */
async function printReceipts(receipts: readonly ReceiptFacts[], session: string): Promise<bigint> {
  const isFinal = ({ session: s, final }: ReceiptFacts) => s === session && final !== null
  for (let tries = 0; !receipts.some(isFinal) && tries < 50; tries++) await sleep(100)
  const ours = receipts.filter((receipt) => receipt.session === session)
  for (const { sequence, outputTokens, amount, final } of ours) {
    const total = formatEuro(picoEuro(BigInt(amount)))
    const ending = final === null ? '' : `  final: ${final}`
    say(`  #${sequence}  ${outputTokens.padStart(4)} tokens  ${total}${ending}`)
  }
  return BigInt(ours.at(-1)?.amount ?? 0)
}

/** The latest checkpoint of settlement's log, kept in a file for `hanse verify`. */
async function rememberCheckpoint(market: Market, stateDir: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`${market.settlementUrl}/log/checkpoint`)
    if (response.ok) {
      const note = await response.text()
      writeFileSync(join(stateDir, CHECKPOINT_FILE), note)
      return note
    }
    await sleep(100)
  }
  throw new Error('settlement’s log has no checkpoint; see .hanse/logs/settlement.log')
}

/** The bundle as soon as it holds the proof of its settlement: the log takes events in once a second. */
async function saveBundle(market: Market, session: string, stateDir: string, since: string) {
  const { size } = parseCheckpoint(since)
  const url = `${market.gatewayUrl}/hanse/v1/bundles/${session}?since=${size}`
  let bytes = new Uint8Array()
  for (let tries = 0; tries < 50; tries++) {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`no bundle: ${await response.text()}`)
    bytes = new Uint8Array(await response.arrayBuffer())
    const { checks } = verifyBundle(bytes, { settlements: [market.settlementPeerId] })
    if (checks.some(({ id, status }) => id === 'inclusion' && status === 'ok')) break
    await sleep(100)
  }
  const folder = join(stateDir, 'bundles')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${session}.car`)
  writeFileSync(path, bytes)
  return { bytes, path: relative(process.cwd(), path) }
}

async function untilSettled(market: Market, session: string): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    const response = await fetch(`${market.gatewayUrl}/hanse/v1/sessions/${session}`)
    const { settled } = (await response.json()) as { settled: boolean }
    if (settled) return
    await sleep(100)
  }
  throw new Error('settlement has not acknowledged the receipts')
}

/** @returns what was booked for the session, pico-euro */
async function printLedger(market: Market, session: string): Promise<bigint> {
  const entries = await entriesOf(market, session)
  for (const { kind, debit, credit, amount } of entries) {
    say(
      `  ${kind.padEnd(12)} ${short(debit)} → ${short(credit)}  ${formatEuro(picoEuro(BigInt(amount)))}`,
    )
  }
  return entries.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
}

function short(account: string): string {
  const [kind = '', owner = ''] = account.split('/')
  return (owner.length > 12 ? `${kind}/…${owner.slice(-8)}` : account).padEnd(18)
}

/** So that `npx hanse …` in this folder knows the network without flags. */
function writeConfig(stateDir: string, market: Market): void {
  const lines = [
    '# Written by npm start, for the hanse command in this folder.',
    `network = "${NETWORK}"`,
    `bootstrap = ["${market.relayAddress}"]`,
    `settlement_url = "${market.settlementUrl}"`,
    `gateway_url = "${market.gatewayUrl}"`,
    `trust = ["${market.settlementPeerId}"]`,
    `checkpoint = ${JSON.stringify(join(stateDir, CHECKPOINT_FILE))}`,
  ]
  writeFileSync(join(stateDir, 'hanse.toml'), `${lines.join('\n')}\n`)
}

function printNext(market: Market, webUrl: string, bundle: string): void {
  step('It stays up until Ctrl-C. Try:')
  say(`  the market          ${webUrl}/market`)
  say(`  a chat in the page  ${webUrl}/playground, paid with the apiKey in .hanse/demo.json`)
  say(`  OpenAI base URL     ${market.gatewayUrl}/v1`)
  say(`  settlement API      ${market.settlementUrl}/openapi.json`)
  say('  npx hanse offers')
  say('  npx hanse chat "What is the capital of France?"')
  say(`  npx hanse verify ${bundle}`)
  say(
    `  curl ${market.gatewayUrl}/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{"model":"${MODEL}","messages":[{"role":"user","content":"What is amber?"}]}'`,
  )
}

/** Until Ctrl-C, or until a process of the network ends by itself. */
async function untilStopped(market: Market): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
  const watch = setInterval(() => {
    const { failed } = market
    if (failed !== undefined)
      reject(new Error(`${failed.name} has ended; see .hanse/logs/${failed.name}.log`))
  }, 500)
  try {
    await promise
  } finally {
    clearInterval(watch)
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

try {
  await main()
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
