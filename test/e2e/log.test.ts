import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepVkey, openLogDatabase, SqliteLogStore } from '@hanse/node'
import {
  formatAddCheckpoint,
  LogWriter,
  monitoringPath,
  noteSignerOf,
  provesFork,
  signerOf,
  TileReader,
} from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Child } from '../../scripts/demo/child.ts'
import { Market } from '../../scripts/demo/market.ts'
import { hanse } from '../support/hanse.ts'
import { sessionsOf } from '../support/sessions.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const signer = noteSignerOf('log.example/e2e', signerOf(new Uint8Array(32).fill(77)))
const { vkey } = signer

let cwd = ''
const at = (name: string) => join(cwd, name)
const run = async (...args: readonly string[]) => await hanse(['log', ...args], cwd)
const verify = async (...args: readonly string[]) => await run('verify', ...args, '--vkey', vkey)

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'hanse-log-e2e-'))
  process.env.XDG_STATE_HOME = at('state')
  // One log of 300 entries, whose store is then copied: two writers with one key go on from there.
  await append('start', 0, 300)
  for (const name of ['a', 'b', 'short']) cpSync(at('start'), at(name), { recursive: true })
  await append('a', 300, 700)
  await append('b', 300, 700)
  for (const name of ['a', 'b', 'short']) {
    const { code, stderr } = await run('export', '--data-dir', name, '--dir', `${name}-www`)
    assert.equal(code, 0, stderr)
  }
})

afterAll(() => {
  delete process.env.XDG_STATE_HOME
  rmSync(cwd, { recursive: true, force: true })
})

async function append(name: string, from: number, to: number): Promise<void> {
  mkdirSync(at(name), { recursive: true })
  using db = openLogDatabase(at(`${name}/log.db`))
  keepVkey(db, vkey)
  const writer = await LogWriter.open(new SqliteLogStore(db), signer)
  const texts = Array.from({ length: to - from }, (_, i) => `${name} ${from + i}`)
  await writer.append(texts.map((text) => new TextEncoder().encode(text)))
}

describe('hanse log verify', () => {
  test('exits with 0 for a sound log, 1 for a wrong one, 2 when called wrongly', async () => {
    const damaged = (name: string, damage: (folder: string) => void): string => {
      cpSync(at('a-www'), at(name), { recursive: true })
      damage(at(name))
      return name
    }
    const stranger = noteSignerOf(signer.name, signerOf(new Uint8Array(32).fill(78)))
    const cut = damaged('cut', (dir) => truncateSync(join(dir, 'tile/0/000'), 100))
    const gone = damaged('gone', (dir) => rmSync(join(dir, 'tile/0/002.p/188')))
    const bare = damaged('bare', (dir) => rmSync(join(dir, 'tile/entries'), { recursive: true }))
    const cases: readonly [number, readonly string[]][] = [
      [0, ['--dir', 'a-www', '--vkey', vkey]],
      [0, ['--dir', bare, '--vkey', vkey]],
      [0, ['--dir', 'a-www', '--vkey', vkey, '--json']],
      [1, ['--dir', cut, '--vkey', vkey]],
      [1, ['--dir', gone, '--vkey', vkey, '--json']],
      [1, ['--dir', 'a-www', '--vkey', stranger.vkey]],
      [1, ['--dir', 'nowhere', '--vkey', vkey]],
      [2, ['--dir', 'a-www', '--vkey', 'nonsense']],
      [2, ['--vkey', vkey]],
      [2, ['--dir', 'a-www']],
      [2, ['--dir', 'a-www', '--vkey', vkey, '--quorum', '1']],
      [2, ['--dir', 'a-www', '--vkey', vkey, '--bogus']],
    ]
    for (const [expected, args] of cases) {
      const { code, stdout, stderr } = await run('verify', ...args)
      assert.equal(code, expected, `${args.join(' ')}\n${stdout}${stderr}`)
      assert.ok(!stderr.includes('    at '), 'no stack trace')
      if (args.includes('--json')) assert.equal(JSON.parse(stdout).verified, expected === 0)
    }
  })

  test('shows a fork, with both checkpoints, to whoever kept the other one', async () => {
    const { code, stdout } = await verify('--dir', 'b-www', '--checkpoint', 'a-www/checkpoint')
    assert.equal(code, 1)
    assert.match(stdout, /FORK.*HANSE_LOG_FORK/u)
    for (const name of ['a', 'b']) {
      assert.ok(stdout.includes(readFileSync(at(`${name}-www/checkpoint`), 'utf8')))
    }
    // The tree of 300 entries is where both came from.
    const before = await verify('--dir', 'b-www', '--checkpoint', 'short-www/checkpoint')
    assert.equal(before.code, 0, before.stdout)
  })

  test('remembers what an address showed, and what it was told to', async () => {
    await using site = await serve('a-www')
    assert.equal((await verify('--url', site.url)).code, 0)
    assert.ok(existsSync(at('state/hanse/logs.json')))
    for (const [folder, code, pattern] of [
      ['b-www', 1, /FORK/u],
      ['short-www', 1, /ROLLBACK/u],
      ['a-www', 0, /the same tree/u],
    ] as const) {
      site.show(folder)
      const answer = await verify('--url', site.url)
      assert.equal(answer.code, code, answer.stdout)
      assert.match(answer.stdout, pattern)
      assert.equal((await verify('--url', site.url, '--no-state')).code, 0)
    }
    assert.equal((await verify('--dir', 'b-www')).code, 0, 'a folder is judged by itself')
    assert.equal((await verify('--dir', 'a-www', '--state', 'own.json')).code, 0)
    assert.equal((await verify('--dir', 'b-www', '--state', 'own.json')).code, 1)
    writeFileSync(at('broken.json'), '{')
    assert.equal((await verify('--dir', 'a-www', '--state', 'broken.json')).code, 1)
  })
})

describe('hanse log prove', () => {
  test('proves from a folder, an address and the node’s own log, and check-proof agrees', async () => {
    await using site = await serve('a-www')
    const hex = Buffer.from('a 699').toString('hex')
    for (const place of [
      ['--dir', 'a-www'],
      ['--url', site.url],
      ['--data-dir', 'a'],
    ]) {
      const { code, stdout, stderr } = await run('prove', '699', ...place)
      assert.equal(code, 0, stderr)
      assert.ok(stdout.startsWith('c2sp.org/tlog-proof@v1\nindex 699\n'))
      writeFileSync(at('699.tlog-proof'), stdout)
      const checked = ['check-proof', '699.tlog-proof', '--vkey', vkey]
      assert.equal((await run(...checked, '--entry-hex', hex)).code, 0)
    }
    const checked = ['check-proof', '699.tlog-proof', '--vkey', vkey]
    assert.equal((await run(...checked, '--entry-hex', `${hex}00`)).code, 1)
    assert.equal((await run(...checked)).code, 2)
    assert.equal((await run('prove', '700', '--dir', 'a-www')).code, 1)
    assert.equal((await run('prove', 'x', '--dir', 'a-www')).code, 2)
  })
})

describe('a witness in its own process', () => {
  test('cosigns the log, reports its fork, and remembers both after it was killed', async () => {
    const args = [HANSE, 'relay', '--json', '--witness', '--witness-logs', vkey]
    const start = () =>
      new Child('witness', [...args, '--witness-port', '0', '--data-dir', at('witness')], {
        cwd,
        logPath: at('witness.log'),
      })
    await using first = start()
    const { url, vkey: witness } = await first.event('witness')
    const told: unknown[] = []
    first.on((event, facts) => void (event === 'fork' && told.push(facts)))
    assert.equal((await post(String(url), await requestOf('short', 0, 300))).status, 200)
    const grown = await post(String(url), await requestOf('a', 300, 700))
    assert.equal(grown.status, 200)

    const copy = `${String(url)}/${monitoringPath(signer.name)}`
    writeFileSync(at('a-www/checkpoint'), await (await fetch(copy)).text())
    const cosigned = ['--witness', String(witness), '--quorum', '1', '--checkpoint', copy]
    const sound = await verify('--dir', 'a-www', ...cosigned)
    assert.equal(sound.code, 0, sound.stdout)

    const stale = await post(String(url), await requestOf('b', 300, 700))
    assert.equal(stale.status, 409)
    assert.equal(stale.headers.get('content-type'), 'text/x.tlog.size')
    assert.equal(await stale.text(), '700\n')
    assert.equal((await post(String(url), await requestOf('b', 700, 700))).status, 422)
    const forked = await verify('--dir', 'b-www', '--checkpoint', copy)
    assert.equal(forked.code, 1)
    assert.match(forked.stdout, /HANSE_LOG_FORK/u)
    assert.equal(told.length, 1)
    assert.match(readFileSync(at('witness.log'), 'utf8'), /HANSE_LOG_FORK.*FORK: log.example\/e2e/u)
    process.kill(first.pid ?? 0, 'SIGKILL')

    await using second = start()
    const again = await second.event('witness')
    assert.equal(again.vkey, witness)
    assert.equal(again.forks, 1)
    const { forks } = (await (await fetch(`${String(again.url)}/forks`)).json()) as {
      forks: { first: string; second: string }[]
    }
    assert.ok(forks[0] !== undefined && provesFork(forks[0], vkey))
    assert.equal((await post(String(again.url), await requestOf('a', 700, 700))).status, 200)
  })
})

describe('the log of a node', () => {
  test('has what its sessions came to, on both sides, and its gateway serves it', async () => {
    const stateDir = at('market')
    await using market = await Market.start({
      stateDir,
      providers: [{ name: 'de', country: 'DE', inputPrice: '60', outputPrice: '250' }],
    })
    await market.operator.topUp(market.tenant, 1_000n)
    const answer = await fetch(`${market.gatewayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'hanse/tiny-v1:f16',
        messages: [{ role: 'user', content: 'Hello' }],
        max_tokens: 8,
      }),
    })
    assert.equal(answer.status, 200, await answer.text())
    assert.equal((await sessionsOf(market)).length, 1)
    for (const name of ['gateway', 'de']) {
      const own = ['--data-dir', join(stateDir, name)]
      const place = await placeOfSession(own)
      const shown = JSON.parse((await run('show', '--json', ...own)).stdout)
      const { stdout } = await run('prove', place, ...own, '--json')
      const { entryHex, proof } = JSON.parse(stdout)
      writeFileSync(at('own.tlog-proof'), proof)
      const checked = await run(
        'check-proof',
        'own.tlog-proof',
        '--vkey',
        shown.vkey,
        '--entry-hex',
        entryHex,
      )
      assert.equal(checked.code, 0, checked.stderr)
      if (name !== 'gateway') continue
      const url = `${market.gatewayUrl}/log`
      assert.equal((await run('verify', '--url', url, '--vkey', shown.vkey)).code, 0)
    }
  })

  test('is not there at all when it is turned off', async () => {
    await using gateway = new Child(
      'gateway',
      [HANSE, 'gateway', '--json', '--port', '0', '--data-dir', at('quiet')],
      { cwd, logPath: at('quiet.log'), env: { HANSE_EU_AUDIT: 'false' } },
    )
    const { url } = await gateway.event('ready')
    assert.equal((await fetch(`${String(url)}/log/checkpoint`)).status, 404)
    for (const file of ['log.db', 'log.key']) assert.ok(!existsSync(at(`quiet/${file}`)))
  })
})

/** Events are logged every second. */
async function placeOfSession(own: readonly string[]): Promise<string> {
  for (let i = 0; i < 20; i++) {
    const { stdout } = await run('search', '--kind', 'session', '--json', ...own)
    const place = JSON.parse(stdout).events[0]?.entry
    if (typeof place === 'string') return place
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error(`no session is logged: ${own.join(' ')}`)
}

/** What a log's operator sends, its bytes without a content type. */
async function post(url: string, body: string): Promise<Response> {
  return await fetch(`${url}/add-checkpoint`, {
    method: 'POST',
    body: new TextEncoder().encode(body),
  })
}

async function requestOf(name: string, oldSize: number, size: number): Promise<string> {
  using db = openLogDatabase(at(`${name}/log.db`))
  const store = new SqliteLogStore(db)
  const reader = new TileReader(async (path) => await store.read(path), BigInt(size))
  const proof = await reader.consistencyProof(BigInt(oldSize))
  const checkpoint = (await store.readCheckpoint()) ?? ''
  return formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint })
}

interface Site extends AsyncDisposable {
  readonly url: string
  readonly show: (folder: string) => void
}

/** A web server for a folder, as anybody might use one. */
async function serve(folder: string): Promise<Site> {
  let shown = folder
  const server = http.createServer((request, response) => {
    try {
      response.end(readFileSync(join(cwd, shown, new URL(request.url ?? '', 'http://x').pathname)))
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${address.port}`,
    show: (next) => {
      shown = next
    },
    [Symbol.asyncDispose]: close,
  }
}
