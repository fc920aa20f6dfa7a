import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NodeStore } from '@hanse/node'
import { formatEuro, picoEuro } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { EngineDouble } from '../support/engine-double.ts'
import { type Finished, hanse } from '../support/hanse.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'
import { TestTerminal } from '../support/terminal.ts'
import { answerText, startVllmDouble } from '../support/vllm-double.ts'

const BIN = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))

const stack = new AsyncDisposableStack()
let engine: EngineDouble
let folder: string
let url: string
/** Of the gateway. */
let dataDir: string

beforeAll(async () => {
  engine = stack.use(await startVllmDouble({ model: 'slow-model', tokens: 12 }))
  const lab = stack.use(new NatLab())
  const { addresses } = await lab.relay(['/ip4/127.0.0.1/tcp/0'])
  const [bootstrap = ''] = addresses
  const prices = ['--input-price', '1', '--output-price', '2.51']
  const gateway = lab.gateway(bootstrap)
  await lab.provider(bootstrap, `${engine.url}/v1`, prices)
  url = await gateway
  folder = lab.folder
  dataDir = join(folder, 'gateway')
})

afterAll(async () => await stack.disposeAsync())

const asked = async (...args: string[]): Promise<Finished> =>
  await hanse([...args, '--gateway-url', url], folder)

const inTerminal = (...args: string[]): TestTerminal =>
  new TestTerminal(process.execPath, [BIN, ...args, '--gateway-url', url], {
    cwd: folder,
    columns: 130,
  })

/** Every session so far, newest first, as a daemon's neighbour may read them while it runs. */
function sessions(): ReturnType<NodeStore['sessions']> {
  using store = new NodeStore(join(dataDir, 'node.db'), { readOnly: true })
  return store.sessions({ limit: 1_000 })
}

function paid(): bigint {
  return sessions().reduce((sum, { amount }) => sum + amount, 0n)
}

describe('hanse chat', () => {
  test('at a terminal streams, stops an answer at Ctrl-C, and leaves with the exact cost', async () => {
    const before = paid()
    await using terminal = inTerminal('chat')
    await terminal.until(/^test\/slow; \/help.*\n> /u)
    terminal.type('Hello\r')
    await terminal.until(/ t0 t1 .* t11\n.*in DE · \d+ \+ 12 tokens · 0\.\d+ EUR/u)
    terminal.type('\u001b[200~Two\rlines\u001b[201~\r')
    await terminal.until(/Two\nlines\n t0 .*\n.* EUR/u)
    const { messages } = engine.bodies.at(-1) as { messages: { content: string }[] }
    assert.equal(messages.at(-1)?.content, 'Two\nlines', 'a paste is one question')
    terminal.type('/models\r')
    await terminal.until(/2\.51 EUR\/Mtok +1 +DE/u)
    engine.control.tokensPerSecond = 5
    terminal.type('Again\r')
    await terminal.until(/Again\n t0 t1/u)
    terminal.type('\x03')
    engine.control.tokensPerSecond = undefined
    await terminal.until(/stopped\n.*in DE · 0\.\d+ EUR/u)
    terminal.type('half a question\x03')
    terminal.type('\x03')
    assert.deepEqual(await terminal.exit(), { code: 0, signal: 0 })
    const spent = formatEuro(picoEuro(paid() - before))
    assert.ok(terminal.text().includes(`3 answers for ${spent}`), terminal.text())
  })

  test('in a pipe gives the answer and nothing else', async () => {
    const child = spawn(process.execPath, [BIN, 'chat', '--max-tokens', '3', '--gateway-url', url])
    child.stdin.end('Hello, you there\n')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    assert.equal(stdout, `${answerText(3)}\n`)
    assert.match(stderr, /\d+ \+ 3 tokens · 0\.\d+ EUR/u)
    assert.ok(JSON.stringify(engine.bodies.at(-1)).includes('Hello, you there'))
    assert.ok(!stderr.includes('\u001b'))
  })

  test('fails with what to do, and by its exit code', async () => {
    const nobody = ['--gateway-url', 'http://127.0.0.1:1']
    const [unknown, unreachable, wrong, json] = await Promise.all([
      asked('chat', 'hi', '--model', 'no/such'),
      hanse(['chat', 'hi', ...nobody], folder),
      asked('chat', 'hi', '--sort', 'fast'),
      asked('chat', 'hi', '--max-tokens', '2', '--json'),
    ])
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /^error: nobody offers .* \(HANSE_MODEL_UNKNOWN\)\nSee GET/u)
    assert.equal(unreachable.code, 1)
    assert.match(
      unreachable.stderr,
      /\(HANSE_GATEWAY_UNREACHABLE\)\nStart one with `hanse gateway`/u,
    )
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /--sort: must be one of/u)
    const told = JSON.parse(json.stdout) as Record<string, unknown>
    assert.deepEqual([told.text, told.outputTokens, told.error], [answerText(2), 2, null])
  })
})

describe('hanse run', () => {
  const line = (id: string, model = MODEL) => {
    const body = { model, messages: [{ role: 'user', content: `Question ${id}` }] }
    return JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/chat/completions', body })
  }
  const ids = Array.from({ length: 8 }, (_, n) => `q${n}`)

  test('goes on after a kill, pays for no answer twice, and tells the exact cost of all that ran', async () => {
    const before = paid()
    const path = join(folder, 'batch.jsonl')
    const output = join(folder, 'batch.results.jsonl')
    await writeFile(path, `${ids.map((id) => line(id)).join('\n')}\n`)
    engine.control.tokensPerSecond = 20
    const args = ['run', '-f', path, '--concurrency', '2', '--gateway-url', url]
    const child = spawn(process.execPath, [BIN, ...args], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    await until(async () => (await linesOf(output)).length >= 2 && engine.counts.running > 0)
    child.kill('SIGKILL')
    await ended
    engine.control.tokensPerSecond = undefined
    const answered = (await linesOf(output)).map(({ custom_id }) => custom_id)
    await until(() => engine.counts.running === 0)
    const asks = engine.counts.requests

    const { stdout, code } = await asked('run', '-f', path, '--concurrency', '2', '--json')
    assert.equal(code, 0)
    const told = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual([told.end, told.done, told.before], ['finished', 8, answered.length])
    assert.equal(told.costPicoEuro, String(paid() - before))
    assert.deepEqual((await linesOf(output)).map(({ custom_id }) => custom_id).sort(), ids)
    assert.ok(engine.counts.requests - asks <= ids.length - answered.length)
  })

  test('with requests that fail writes down the others, and ends with 1', async () => {
    const path = join(folder, 'some.jsonl')
    await writeFile(path, `${line('good')}\n${line('bad', 'no/such')}\n`)
    const { code, stdout, stderr } = await asked('run', '-f', path)
    assert.equal(code, 1)
    assert.match(stdout, /^1 of 2 answered, 1 failed; .*\n {2}1 HANSE_MODEL_UNKNOWN: nobody/u)
    assert.equal(stderr, '')
    const results = await linesOf(join(folder, 'some.results.jsonl'))
    const errors = new Map(results.map(({ custom_id, error }) => [custom_id, error?.code]))
    assert.deepEqual([errors.get('bad'), errors.get('good')], ['HANSE_MODEL_UNKNOWN', undefined])
    assert.equal(results.length, 2)
  })
})

describe('hanse receipts', () => {
  test('are listed, shown, exported and verified, by a gateway and without one', async () => {
    await asked('chat', 'hi', '--max-tokens', '2')
    const [newest] = sessions()
    assert.ok(newest !== undefined)
    const { session, amount } = newest
    const [list, show, all, out] = await Promise.all([
      asked('receipts', 'list', '-n', '2', '--model', 'slow'),
      asked('receipts', 'show', session),
      hanse(['receipts', 'verify', '--data-dir', dataDir, '--network', 'lab'], folder),
      asked('receipts', 'export', session, '-o', 'bundles'),
    ])
    assert.match(list.stdout, new RegExp(`^WHEN .*\\n.* test/slow .* length .*${session}\\n`, 'u'))
    assert.equal(list.stdout.trim().split('\n').length, 3)
    assert.match(show.stdout, new RegExp(`amount +${formatEuro(amount)}\n`, 'u'))
    const total = formatEuro(picoEuro(paid()))
    assert.match(all.stdout, new RegExp(`^\\d+ verified for ${total}, 0 failed\n$`, 'u'))
    assert.equal(out.stdout, `bundles/${session}.car\n`)

    const good = join('bundles', `${session}.car`)
    const bytes = await readFile(join(folder, good))
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40)
    await writeFile(join(folder, 'bad.car'), bytes)
    const [offline, tampered] = await Promise.all([
      hanse(['receipts', 'verify', good], folder),
      hanse(['receipts', 'verify', good, 'bad.car', '--json'], folder),
    ])
    assert.deepEqual([offline.code, tampered.code], [0, 1])
    const verdicts = tampered.stdout
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row) as object)
    assert.deepEqual(
      verdicts.map((row) => ('verified' in row ? row.verified : undefined)),
      [true, false],
    )
  })
})

describe('hanse offers --watch', () => {
  test('tells each change as a line of JSON, until it is interrupted', async () => {
    const args = ['offers', '--watch', '--json', '--gateway-url', url]
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    for await (const row of createInterface({ input: child.stdout })) {
      const { change, model, country } = JSON.parse(row) as Record<string, unknown>
      assert.deepEqual([change, model, country], ['came', MODEL, 'DE'])
      child.kill('SIGINT')
    }
    assert.deepEqual(await ended, [130, null])
  })

  test('at a terminal shows the market, and leaves the terminal as it was', async () => {
    await using terminal = inTerminal('offers', '--watch', '--interval', '0.2')
    await terminal.until(/^lab: 1 offers in anywhere, 0 excluded.*test\/slow +DE/su)
    assert.ok(terminal.alternate)
    terminal.resize(130, 20)
    await terminal.until(/^lab: 1 offers/u)
    terminal.type('\x03')
    assert.deepEqual(await terminal.exit(), { code: 130, signal: 0 })
    assert.ok(!terminal.alternate)
    assert.ok(terminal.raw.endsWith('\u001b[?1049l'))
  })
})

interface ResultJson {
  readonly custom_id: string
  readonly error: { readonly code: string } | null
}

async function linesOf(path: string): Promise<ResultJson[]> {
  if (!existsSync(path)) return []
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  return lines.map((each) => JSON.parse(each) as ResultJson)
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}
