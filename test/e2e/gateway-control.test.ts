import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NodeStore } from '@hanse/node'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Child } from '../../scripts/demo/child.ts'
import { freePort } from '../../scripts/demo/ports.ts'
import { hanse as run } from '../support/hanse.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'
import { TestTerminal } from '../support/terminal.ts'
import { startVllmDouble } from '../support/vllm-double.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const ASKED = {
  model: MODEL,
  messages: [{ role: 'user' as const, content: 'Say something.' }],
  max_tokens: 5,
}
const SAID = ' t0 t1 t2 t3 t4'

const stack = new AsyncDisposableStack()
const lab = stack.use(new NatLab())
const dataDir = join(lab.folder, 'gateway')
let relay = ''
let port = 0
const secrets = { anna: '', bert: '' }
let gateway: Child | undefined

beforeAll(async () => {
  const engine = stack.use(await startVllmDouble({ model: 'slow-model', tokens: 100 }))
  const { addresses } = await lab.relay(['/ip4/127.0.0.1/tcp/0'])
  relay = addresses[0] ?? ''
  await lab.provider(relay, `${engine.url}/v1`, ['--input-price', '1', '--output-price', '2'])
  port = await freePort(0)
})

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await stack.disposeAsync()
})

/** In EU mode, where nobody sits at a terminal. */
async function startGateway(): Promise<Child> {
  const where = ['--network', 'lab', '--bootstrap', relay, '--data-dir', dataDir]
  const args = [...where, '--port', `${port}`, '--min-level', '0']
  const started = new Child('gateway', [HANSE, 'gateway', '--json', ...args], {
    cwd: lab.folder,
    logPath: join(lab.folder, 'logs', 'gateway.log'),
    appendLog: true,
  })
  await started.event('ready')
  return started
}

/** `hanse gateway …` that works, with what it prints. */
async function desk(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryDesk(...args)
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
  return stdout
}

const tryDesk = async (...args: readonly string[]) =>
  await run(['gateway', ...args, '--data-dir', dataDir], lab.folder)

async function json<Facts>(...args: readonly string[]): Promise<Facts> {
  return JSON.parse(await desk(...args, '--json')) as Facts
}

interface NewKey {
  readonly secret: string
  readonly key: { readonly id: string; readonly name: string }
}
interface Keys {
  readonly keys: readonly { name: string; state: string; spent: string; reserved: string }[]
}
interface Spend {
  readonly groups: readonly { readonly group: string; readonly amount: string }[]
  readonly total: { readonly amount: string; readonly sessions: number }
}

/** What an OpenAI client with this key gets: the text, or the status and code of the error. */
async function ask(apiKey: string): Promise<string> {
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey, maxRetries: 0 })
  try {
    const { choices } = await client.chat.completions.create(ASKED)
    return choices[0]?.message.content ?? ''
  } catch (error) {
    assert.ok(error instanceof APIError)
    return `${error.status} ${error.code}`
  }
}

/** Waits until the gateway's own log has so many entries, which come every second. */
async function untilLogged(entries: number): Promise<void> {
  for (;;) {
    const checkpoint = await fetch(`http://127.0.0.1:${port}/log/checkpoint`, {
      headers: { authorization: `Bearer ${secrets.anna}` },
    })
    if (Number((await checkpoint.text()).split('\n')[1]) >= entries) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** What the last receipts in the folder come to. */
function receipts(): { amount: string; sessions: number } {
  using store = new NodeStore(join(dataDir, 'node.db'), { readOnly: true })
  const paid = store.sessions({ limit: 1_000 }).filter(({ receipts: count }) => count > 0)
  return {
    amount: String(paid.reduce((sum, { amount }) => sum + amount, 0n)),
    sessions: paid.length,
  }
}

describe('an owner', () => {
  test('makes a key before the gateway has ever run, and sees its secret once', async () => {
    const before = await tryDesk('keys', 'list')
    assert.match(before.stderr, /no gateway has run with .* \(--data-dir\)/u)
    assert.equal(existsSync(dataDir), false)
    const made = await json<NewKey>('keys', 'create', 'anna', '--budget', '0.5', '--tags', 'team-a')
    secrets.anna = made.secret
    assert.equal(statSync(join(dataDir, 'node.db')).mode & 0o777, 0o600)
    const shown = await desk('keys', 'list')
    assert.match(shown, /^anna +active +0\.00 EUR .*0\.50 EUR a month/mu)
    assert.equal(shown.includes(made.secret), false)
    const again = await tryDesk('keys', 'create', 'anna')
    assert.equal(again.code, 1)
    assert.match(again.stderr, /a key anna already/u)
  })

  test('states the lawful basis while the gateway runs; before it, all is refused', async () => {
    gateway = await startGateway()
    await gateway.event('consent-required')
    assert.equal(await ask(secrets.anna), '403 HANSE_CONSENT_REQUIRED')
    assert.match(
      await desk('consent', 'give', '--basis', 'contract', '--by', 'Jane'),
      /contract, to version .* by Jane\nIt stands/u,
    )
    assert.equal(await ask(secrets.anna), SAID)
  })

  test('lets in whoever has a key, as far as its budget goes', async () => {
    assert.equal(await ask('sk-wrong'), '401 HANSE_UNAUTHENTICATED')
    const made = await json<NewKey>('keys', 'create', 'bert', '--budget', '0.00001')
    secrets.bert = made.secret
    assert.equal(await ask(secrets.bert), '402 HANSE_BUDGET_EXHAUSTED')
    assert.match(await desk('keys', 'update', 'bert', '--budget', '1'), /1\.00 EUR a month/u)
    assert.equal(await ask(secrets.bert), SAID)
  })

  test('gives a key another secret, and ends one', async () => {
    const { secret } = await json<NewKey>('keys', 'rotate', 'anna')
    assert.equal(await ask(secrets.anna), '401 HANSE_UNAUTHENTICATED')
    assert.equal(await ask(secret), SAID)
    secrets.anna = secret
    await desk('keys', 'revoke', 'bert')
    assert.equal(await ask(secrets.bert), '401 HANSE_UNAUTHENTICATED')
  })

  test('is told what was spent, exactly as the receipts say, while it runs and after it', async () => {
    const all = await json<Spend>('spend')
    assert.deepEqual({ amount: all.total.amount, sessions: all.total.sessions }, receipts())
    const { keys } = await json<Keys>('keys', 'list', '--all')
    assert.deepEqual(
      new Map(all.groups.map(({ group, amount }) => [group, amount])),
      new Map(keys.map(({ name, spent }) => [name, spent])),
    )
    assert.ok(keys.every(({ spent, reserved }) => BigInt(spent) > 0n && reserved === '0'))
    assert.match(await desk('spend', '--check'), /2 budgets: what was counted is/u)
    const own = await fetch(`http://127.0.0.1:${port}/hanse/v1/spend`, {
      headers: { authorization: `Bearer ${secrets.anna}` },
    })
    const anna = keys.find(({ name }) => name === 'anna')
    assert.equal(((await own.json()) as Spend).total.amount, anna?.spent)
  })

  test('is told the same by the folder of a gateway that has stopped, and rules it there', async () => {
    const running = await Promise.all([
      desk('spend', '--json'),
      desk('keys', 'list', '--all', '--json'),
    ])
    await gateway?.[Symbol.asyncDispose]()
    const stopped = await Promise.all([
      desk('spend', '--json'),
      desk('keys', 'list', '--all', '--json'),
    ])
    assert.deepEqual(stopped, running)
    assert.match(await desk('spend', '--by', 'tag', '--csv'), /^team-a,2,/mu)
    await desk('keys', 'update', 'anna', '--disable', '--name', 'Anna')
    await desk('consent', 'withdraw')

    gateway = await startGateway()
    await gateway.event('consent-required')
    assert.equal(await ask(secrets.anna), '403 HANSE_FORBIDDEN')
    await desk('keys', 'update', 'Anna', '--enable')
    assert.equal(await ask(secrets.anna), '403 HANSE_CONSENT_REQUIRED')
    // Two keys made, two updates, a rotation, a revocation, a stop, two of the basis, three sessions; and what was done
    // to the folder, once the gateway runs.
    await untilLogged(12)
  })
})

describe('a gateway that is started for the first time at a terminal', () => {
  const start = () =>
    new TestTerminal(
      process.execPath,
      [HANSE, 'gateway', '--data-dir', join(lab.folder, 'first'), '--port', '0'],
      { cwd: lab.folder, rows: 40 },
    )

  test('asks for the lawful basis before it listens, and does not start without', async () => {
    await using terminal = start()
    await terminal.until(/On what basis may this gateway process personal data\?/u)
    terminal.type('\x03')
    await terminal.exit()
    assert.match(terminal.text(), /Nothing was recorded\. At home, HANSE_EU_AUDIT=false/u)
    assert.doesNotMatch(terminal.text(), /OpenAI base URL/u)
  })

  test('listens once it was told, and asks no more', async () => {
    await using terminal = start()
    await terminal.until(/On what basis/u)
    terminal.type('\x1b[B\r')
    await terminal.until(/OpenAI base URL: http:/u)
    terminal.type('\x03')
    assert.equal((await terminal.exit()).code, 0)
    const { stdout } = await run(
      ['gateway', 'consent', 'show', '--data-dir', join(lab.folder, 'first')],
      lab.folder,
    )
    assert.match(stdout, /^contract, to version/mu)
    await using again = start()
    await again.until(/OpenAI base URL: http:/u)
    assert.doesNotMatch(again.text(), /On what basis/u)
  })
})
