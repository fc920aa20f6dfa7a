// The examples, as a stranger has them: with the packages as they are published, against a market of real processes.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startEngineStub } from '@hanse/simulations/lab'
import { build } from 'vite'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { packInto } from '../../scripts/pack.ts'
import { launchChromium } from '../support/chromium.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const GUIDE = join(ROOT, 'docs/guides/sdk.md')
const TERMS = `network: 'lab', minLevel: 0,`
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

const stack = new AsyncDisposableStack()
/** A project within this one, so that it has all packages but ours from here. */
let project: string
let addresses: string[]

beforeAll(async () => {
  addresses = await openMarket()
  project = await openProject()
})

afterAll(async () => await stack.disposeAsync())

describe('a strict project that installs the packages', () => {
  test.each([
    ['nodenext', []],
    ['bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ])('typechecks with the module resolution %s', async (_, flags) => {
    const { stdout } = await run(TSC, ['-p', project, ...flags])
    assert.equal(stdout, '')
  })
})

test('the packages bring the command line', async () => {
  const folder = join(project, 'node_modules/@hanse/node')
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const { stdout } = await run(join(folder, 'bin/hanse.mjs'), ['--version'])
  assert.equal(stdout, `${version}\n`)
})

test('the programs of the guide run, one after the other', async () => {
  const { stdout, stderr } = await run('guide.ts')
  assert.match(stdout, /^bafyrei\w+ \d+n$/mu)
  assert.match(stderr, /^HANSE_MODEL_UNKNOWN nobody offers .* false$/mu)
})

describe('the example', () => {
  test('of the official openai client prints an answer, where it comes from and what it cost', async () => {
    const { stdout } = await run('openai-client.ts')
    assert.match(stdout, /^ t0 t1 .* t19\nanswered in DE for 0\.\d+ EUR\n$/u)
  })

  test('of a stream tells of receipts, and has them verified', async () => {
    const { stdout, stderr } = await run('stream-and-verify.ts')
    assert.match(stdout, / t299\n[\d.]+ EUR, receipts verified\n$/u)
    assert.match(stderr, /^receipt 0: [\d.]+ EUR$/mu)
  })

  test('of a stream says what to do about an error', async () => {
    const env = { HANSE_MIN_LEVEL: '4' }
    const { code, stderr } = await run('stream-and-verify.ts', [], env).catch((error) => error)
    assert.equal(code, 1)
    assert.match(stderr, /^HANSE_\w+: .+\. .+\.$/mu)
  })

  test('of the Vercel AI SDK streams text', async () => {
    const { stdout } = await run('ai-sdk.ts')
    assert.match(stdout, / t19\n20 tokens\n$/u)
  })

  test('of a page asks, shows the answer as it comes, verifies it, and stops', async () => {
    await build({
      root: join(project, 'browser'),
      configFile: false,
      logLevel: 'warn',
      // Most of it is libp2p, which does not come in parts.
      build: { target: 'es2024', outDir: 'dist', chunkSizeWarningLimit: 2_000 },
    })
    const server = await serve(join(project, 'browser/dist'))
    await using browser = await launchChromium()
    const page = await browser.newPage()
    const query = new URLSearchParams({ network: 'lab', 'min-level': '0' })
    for (const address of addresses.filter((each) => each.includes('/ws')))
      query.append('bootstrap', address)
    await page.goto(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/?${query.toString()}`,
    )
    await page.click('button[type=submit]')
    await page.waitForSelector('#proof:not(:empty)')
    assert.match((await page.textContent('output')) ?? '', / t199$/u)
    assert.match((await page.textContent('#proof')) ?? '', /^0\.\d+ EUR in DE, verified: true$/u)
    await page.click('button[type=submit]')
    await page.click('[name=stop]')
    await page.waitForFunction(
      `document.querySelector('#proof').textContent.startsWith('HANSE_SESSION_CANCELLED')`,
    )
  })
})

/** @returns the addresses of its relay */
async function openMarket(): Promise<string[]> {
  const engine = stack.use(await startEngineStub({ model: 'slow-model', tokensPerSecond: 400 }))
  const lab = stack.use(new NatLab())
  const relay = await lab.relay(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/tcp/0/ws']
  const prices = ['--input-price', '1', '--output-price', '2']
  await lab.provider(relay.addresses[0] ?? '', engine.url, [...listen, ...prices])
  return relay.addresses
}

async function openProject(): Promise<string> {
  const artifacts = join(ROOT, 'test/artifacts')
  await mkdir(artifacts, { recursive: true })
  const folder = await mkdtemp(join(artifacts, 'examples-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))
  await cp(join(ROOT, 'examples'), folder, {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  })
  await packInto(join(folder, 'node_modules/@hanse'))
  await writeFile(join(folder, 'guide.ts'), programOf(await readFile(GUIDE, 'utf8')))
  return folder
}

/** The blocks of a guide, one after the other, on this market. */
function programOf(guide: string): string {
  const blocks = [...guide.matchAll(/```ts\n(.*?)```/gsu)].map(([, code = '']) => code)
  return blocks
    .join('\n')
    .replace(/bootstrap: \[.*?\],/u, `bootstrap: ${JSON.stringify(addresses)}, ${TERMS}`)
    .replaceAll(/'hanse\/tiny-v1:f16'/gu, `'${MODEL}'`)
}

async function run(
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string }> {
  const market = {
    HANSE_BOOTSTRAP: addresses.join(),
    HANSE_NETWORK: 'lab',
    HANSE_MIN_LEVEL: '0',
    NO_COLOR: '1',
  }
  return await promisify(execFile)(process.execPath, [script, ...args], {
    cwd: project,
    env: { ...process.env, ...market, ...env },
  })
}

async function serve(folder: string): Promise<Server> {
  const types: Readonly<Record<string, string>> = { js: 'text/javascript', html: 'text/html' }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname.replace(/\/$/u, '/index.html')
    readFile(join(folder, path)).then(
      (content) => {
        const type = types[path.split('.').at(-1) ?? ''] ?? 'text/plain'
        response.setHeader('content-type', `${type}; charset=utf-8`).end(content)
      },
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => void server.close())
  return server
}
