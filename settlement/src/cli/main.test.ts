import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../../bin/hanse-settlement.mjs', import.meta.url))
const TOKEN = 'a-token-that-nobody-guesses'

let folder: string
let children: ChildProcess[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-cli-'))
  children = []
})
afterEach(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  readonly errors: () => string
}

function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--data-dir', folder, '--port', '0'], {
    cwd: folder,
    env: { PATH: process.env.PATH, XDG_CONFIG_HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let output = ''
  let errors = ''
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stderr?.on('data', (data: Buffer) => {
    errors += data.toString()
  })
  return { child, output: () => output, errors: () => errors }
}

async function ready(running: Running): Promise<{ url: string; peerId: string; stripe: string }> {
  await expect.poll(running.output, { timeout: 60_000 }).toContain('\n')
  return JSON.parse(running.output())
}

const post = (url: string, body: object, key: string, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

test('serve keeps what it acknowledged through kill -9, and its key through everything', async () => {
  const env = { HANSE_OPERATOR_TOKEN: TOKEN }
  const first = start(['serve'], env)
  const { url, peerId, stripe } = await ready(first)
  expect(stripe).toBe('double')
  const made = await post(`${url}/v1/admin/organizations`, { name: 'Test' }, TOKEN)
  const { apiKey } = (await made.json()) as { apiKey: string }
  const body = { cents: '500', paymentMethod: 'pm_card_bypassPending' }
  expect((await post(`${url}/v1/top-ups`, body, apiKey, { 'idempotency-key': 'k' })).status).toBe(
    200,
  )
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')

  const second = start(['serve'], env)
  const again = await ready(second)
  expect(again.peerId).toBe(peerId)
  const answer = await fetch(`${again.url}/v1/balance`, {
    headers: { authorization: `Bearer ${apiKey}` },
  })
  expect(await answer.json()).toMatchObject({ available: '5000000000000' })
  for (const { output, errors } of [first, second]) {
    for (const secret of [TOKEN, apiKey]) expect(output() + errors()).not.toContain(secret)
  }
  for (const name of ['settlement.key', 'log.key', 'webhook.secret']) {
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  }

  // The directory has one owner; a second process says so instead of spoiling it.
  const third = start(['serve'], env)
  expect(await once(third.child, 'exit')).toEqual([1, null])
  expect(third.errors()).toContain('HANSE_STORE_OWNED')

  second.child.kill('SIGTERM')
  expect(await once(second.child, 'exit')).toEqual([0, null])
  const check = start(['ledger', 'check'], env)
  expect(await once(check.child, 'exit')).toEqual([0, null])
  // The top-up, and what Stripe keeps of it.
  expect(JSON.parse(check.output())).toMatchObject({ balanced: true, transfers: 2 })
  const log = start(['log', 'check'], env)
  expect(await once(log.child, 'exit')).toEqual([0, null])
  expect(JSON.parse(log.output())).toMatchObject({ sound: true, size: '1', differences: [] })
}, 180_000)

test('a bad setting ends the program with the name of the setting', async () => {
  const { child, errors } = start(['serve', '--fee-bps', '10001'])
  expect(await once(child, 'exit')).toEqual([1, null])
  expect(errors()).toContain('HANSE_CONFIG_INVALID')
  expect(errors()).toContain('fee-bps')
})
