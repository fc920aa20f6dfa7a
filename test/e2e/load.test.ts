import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, test } from 'vitest'

const SIMULATIONS = fileURLToPath(new URL('../../simulations/src/cli.ts', import.meta.url))
const SMALL = ['--providers', '2', '--consumers', '2', '--at-once', '4', '--churn-seconds', '4']

interface Result {
  readonly total: { readonly sessions: number }
  readonly churn: { readonly kills: number; readonly returns: number; readonly leaves: number }
  readonly isCutShort: boolean
  readonly leftovers: readonly string[]
  readonly processes: number
  readonly complaints: readonly string[]
  readonly minutes: readonly {
    readonly firstToken: { readonly p99: number | null }
    readonly memory: readonly { readonly kind: string; readonly rssMedian: number }[]
  }[]
  readonly checks: {
    readonly isLedgerBalanced: boolean
    readonly isLogVerified: boolean
    readonly logDifferences: readonly unknown[]
  }
  readonly reconciliation: {
    readonly paidSessions: number
    readonly consumers: string
    readonly providers: string
    readonly settled: string
    readonly ledger: string
    readonly cutByKills: { readonly amount: string }
    readonly differences: readonly string[]
  }
}

/** Half a minute of work on a quiet machine, most of it the start of eight processes. */
const TIMEOUT_MS = 400_000

let folder = ''
const groups: number[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-load-test-'))
})

/** Of a test that failed or ran out of time. The daemons end with whoever started them. */
afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL')
    } catch {
      // It has ended, as it should.
    }
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

/** In a process group of its own, as a shell starts it. */
function start(out: string, args: readonly string[]) {
  const child = spawn(process.execPath, [SIMULATIONS, 'load', '--out', out, ...SMALL, ...args], {
    cwd: folder,
    // What is left behind would be seen there.
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  if (child.pid !== undefined) groups.push(child.pid)
  let output = ''
  const said = async (what: RegExp): Promise<void> => {
    while (!what.test(output)) {
      assert.equal(child.exitCode, null, output)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return { child, ended: once(child, 'close'), said, output: () => output }
}

/** Whatever the machine is like, books agree, and nothing is left behind. */
function assertReconciled(out: string, output: string): Result {
  assert.ok(existsSync(join(out, 'load.json')), output)
  const result = JSON.parse(readFileSync(join(out, 'load.json'), 'utf8')) as Result
  const { reconciliation: books, checks } = result
  assert.deepEqual(books.differences, [], output)
  assert.ok(books.paidSessions > 0, output)
  assert.ok(BigInt(books.consumers) > 0n)
  assert.equal(books.settled, books.consumers)
  assert.equal(books.ledger, books.consumers)
  assert.equal(BigInt(books.providers) + BigInt(books.cutByKills.amount), BigInt(books.consumers))
  assert.deepEqual([checks.isLedgerBalanced, checks.isLogVerified], [true, true])
  assert.deepEqual(checks.logDifferences, [])
  assert.deepEqual(result.complaints, [])
  assert.deepEqual(result.leftovers, [])
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('hanse-load-')),
    [],
    'no data folder is left',
  )
  assert.match(readFileSync(join(out, 'load.html'), 'utf8'), /consumers less ledger/u)
  return result
}

test('a small network under load, a provider killed: three books agree to the last receipt', {
  timeout: TIMEOUT_MS,
}, async () => {
  const out = join(folder, 'whole')
  const run = start(out, ['--minutes', '0.34'])
  await run.ended
  const result = assertReconciled(out, run.output())
  assert.equal(result.isCutShort, false)
  assert.ok(result.churn.kills >= 1, 'one was killed')
  assert.equal(result.churn.returns, result.churn.kills + result.churn.leaves)
  assert.ok(result.minutes.length >= 1 && result.total.sessions > 0)
  const kinds = result.minutes.at(-1)?.memory.map(({ kind }) => kind)
  assert.deepEqual(kinds, ['engine', 'gateway', 'provider', 'relay', 'settlement', 'simulation'])
})

test('Ctrl-C ends it before its time: all is reconciled and told, and nothing is left behind', {
  timeout: TIMEOUT_MS,
}, async () => {
  const out = join(folder, 'cut')
  const run = start(out, ['--minutes', '60'])
  await run.said(/sessions at once/u)
  // The whole group hears it, as from a terminal.
  process.kill(-(run.child.pid ?? 0), 'SIGINT')
  await run.ended
  const result = assertReconciled(out, run.output())
  assert.equal(result.isCutShort, true)
})

test('says what is wrong with its options', async () => {
  const run = start(join(folder, 'wrong'), ['--minutes', '0'])
  const [code] = (await run.ended) as [number | null]
  assert.equal(code, 2)
  assert.match(run.output(), /--minutes must be a number from 0\.1 to 1440/u)
})
