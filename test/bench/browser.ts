import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeBundle, TRUST } from '@hanse/protocol/testing'
import type { Page } from 'playwright-core'
import { buildPage } from '../browser/sdk-page/build-page.ts'
import { launchChromium } from '../support/chromium.ts'
import { MODEL } from '../support/nat-lab.ts'
import type { BenchPage } from './browser/page.ts'
import { ConsumerRig } from './consumer-rig.ts'
import { type FirstSteps, firstSteps } from './consumer-times.ts'
import { machineFacts } from './report.ts'
import { percentile } from './statistics.ts'
import { tell } from './told.ts'

const USAGE = `usage: npm run bench:browser -- [--json FILE] [--quick]

A page in Chromium as a node of the network, beside the same consumer in Node: until it has joined, until it has found a
provider, until the first token; and what it takes to check a bundle, beside its signatures by WebCrypto.

  --json FILE   where the figures are written (default: bench-results/browser.json)
  --quick       a rough run`

/** Consumers in all, in turns; answers of each after its first; rounds of bundles, and how long each. */
const FULL = { consumers: 15, answers: 20, rounds: 5, roundMs: 1_000 }
const QUICK = { consumers: 1, answers: 3, rounds: 1, roundMs: 100 }
/** Of order, acceptance, offer and authorization, and two of each of three receipts. */
const SIGNATURES = 11

interface Samples {
  readonly page: FirstSteps[]
  readonly node: FirstSteps[]
  readonly bundleUs: number[]
  readonly rawUs: number[]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/browser.json' },
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
  const { page, node, bundleUs, rawUs } = await measure(values.quick ? QUICK : FULL)
  const beside = (of: (steps: FirstSteps) => number | readonly number[]) => ({
    ours: percentile(page.flatMap(of), 0.5),
    other: percentile(node.flatMap(of), 0.5),
  })
  tell(
    {
      benchmark: 'browser',
      quick: values.quick,
      startedAt,
      machine,
      values: {
        'bundle-browser': { ours: percentile(bundleUs, 0.5), limit: percentile(rawUs, 0.5) },
        'browser-join': beside((steps) => steps.join),
        'browser-find': beside((steps) => steps.find),
        'browser-cold': beside((steps) => steps.cold),
        'browser-warm': beside((steps) => steps.warm),
      },
      samples: {
        bundle: bundleUs,
        raw: rawUs,
        ...samplesOf('page', page),
        ...samplesOf('node', node),
      },
    },
    values.json,
  )
}

function samplesOf(side: string, all: readonly FirstSteps[]): Record<string, number[]> {
  return Object.fromEntries(
    (['join', 'find', 'cold', 'warm'] as const).map((name) => [
      `${side} ${name}`,
      all.flatMap((steps) => steps[name]),
    ]),
  )
}

async function measure({ consumers, answers, rounds, roundMs }: typeof FULL): Promise<Samples> {
  await using stack = new AsyncDisposableStack()
  process.stderr.write('building the page, starting relay, engine, provider and Chromium…\n')
  const { script } = await buildPage(join(import.meta.dirname, 'browser/page.ts'))
  const rig = stack.use(await ConsumerRig.start(0))
  // Both dial the same address, over a WebSocket.
  const options = rig.consumerOptions(rig.bootstrap.filter((address) => address.includes('/ws')))
  const server = await serve(script)
  stack.defer(() => void server.close())
  const browser = await launchChromium()
  stack.defer(async () => await browser.close())
  const page = await browser.newPage()
  // WebCrypto is there on secure origins alone, and this one counts as such.
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const samples: Samples = { page: [], node: [], bundleUs: [], rawUs: [] }
  for (let i = 1; i <= consumers; i++) {
    samples.page.push(await call(page, 'firstSteps', options, MODEL, answers))
    samples.node.push(await firstSteps(options, MODEL, answers))
    process.stderr.write(`consumer ${i} of ${consumers}\n`)
  }
  const bundle = Buffer.from(makeBundle()).toString('base64')
  for (let round = 0; round < rounds; round++) {
    samples.bundleUs.push(await call(page, 'verify', bundle, TRUST, roundMs))
    samples.rawUs.push(await call(page, 'rawChecks', SIGNATURES, roundMs))
  }
  return samples
}

async function call<Name extends keyof BenchPage>(
  page: Page,
  name: Name,
  ...args: Parameters<BenchPage[Name]>
): Promise<Awaited<ReturnType<BenchPage[Name]>>> {
  const given = args.map((arg) => JSON.stringify(arg)).join(', ')
  return await page.evaluate<Awaited<ReturnType<BenchPage[Name]>>>(
    `globalThis.benchPage.${name}(${given})`,
  )
}

async function serve(script: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/page.js')
      response.setHeader('content-type', 'text/javascript; charset=utf-8').end(script)
    else if (request.url === '/')
      response
        .setHeader('content-type', 'text/html; charset=utf-8')
        .end('<!doctype html><title>Bench</title><script type="module" src="/page.js"></script>')
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

await main()
