import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadOrCreateIdentity, peerIdOf } from '@hanse/node'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { ExampleDaemon } from '../support/example-daemon.ts'
import { hanse } from '../support/hanse.ts'
import { TestTerminal } from '../support/terminal.ts'

const BIN = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))

let folder = ''
let stack = new AsyncDisposableStack()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-top-'))
  stack = new AsyncDisposableStack()
})
afterEach(async () => {
  await stack.disposeAsync()
  await rm(folder, { recursive: true, force: true })
})

const startDaemon = async (owner?: string) =>
  stack.use(await ExampleDaemon.start(join(folder, 'daemon'), owner))

/** As typed into a shell, so that what stood on the screen before must be there again afterwards. */
function top(args: readonly string[] = []): TestTerminal {
  const command = `echo typed before; "$0" "$@"; echo "ended with $?"; stty -a | grep -o ' echo '; sleep 60`
  const typed = [BIN, 'provider', 'top', '--data-dir', join(folder, 'daemon'), ...args]
  return stack.use(
    new TestTerminal('sh', ['-c', command, process.execPath, ...typed], {
      cwd: folder,
      columns: 100,
      rows: 34,
      env: { NO_COLOR: '' },
    }),
  )
}

async function untilRestored(terminal: TestTerminal, code: number): Promise<void> {
  const screen = await terminal.until(new RegExp(`ended with ${code}\\n`, 'u'))
  assert.match(screen, /typed before/u)
  assert.ok(!terminal.alternate)
  assert.ok(terminal.raw.includes('\u001b[?25h'), 'the cursor is shown again')
  // Lines are echoed again, so the terminal is no longer raw.
  await terminal.until(/^ echo/mu)
}

describe('hanse provider top', () => {
  test('shows the daemon, takes its keys, and leaves the terminal as it was', async () => {
    await startDaemon()
    const terminal = top()
    const screen = await terminal.until(/the example daemon is up/u)
    assert.ok(terminal.alternate)
    assert.ok(!screen.includes('typed before'))
    for (const wanted of [/serving/u, /RTX 4090/u, /qwen3-8b/u, /118\.4 tok\/s/u, /q quit/u])
      assert.match(screen, wanted)
    terminal.type('p')
    await terminal.until(/paused: paused by the owner/u)
    terminal.type('r')
    await terminal.until(/^hanse provider serving/mu)
    terminal.type('d')
    await terminal.until(/end the daemon\? y\/n/u)
    terminal.type('n')
    await terminal.until(/not drained/u)
    terminal.type('q')
    await untilRestored(terminal, 0)
  })

  test('fits itself into a window that changes its size', async () => {
    await startDaemon()
    const terminal = top()
    await terminal.until(/q quit/u)
    terminal.resize(60, 15)
    const fits = (rows: number) => (screen: string) => {
      const lines = screen.split('\n')
      return (
        screen.startsWith('hanse provider serving') &&
        lines[rows - 1]?.startsWith('q quit') === true
      )
    }
    await terminal.until(fits(15))
    terminal.resize(140, 40)
    await terminal.until((screen) => fits(40)(screen) && /GeForce RTX 4090/u.test(screen))
  })

  test('gives the chosen pane its rows first', async () => {
    await startDaemon()
    const terminal = top()
    terminal.resize(100, 16)
    await terminal.until(/Not served/u)
    assert.doesNotMatch(terminal.text(), /ORDER_PRICE/u)
    // Typed at once, as somebody in a hurry does: back by one pane, then on by four.
    terminal.type('\x1b[Z\t\t\x1b[B\x1b[C')
    await terminal.until(/ORDER_PRICE/u)
  })

  test.each([
    ['Ctrl-C', 130, (terminal: TestTerminal) => terminal.type('\x03')],
    ['SIGTERM', 143, async () => await signalTop('SIGTERM')],
    ['SIGHUP', 129, async () => await signalTop('SIGHUP')],
  ] as const)('leaves the terminal as it was after %s', async (_what, code, stop) => {
    await startDaemon()
    const terminal = top()
    await terminal.until(/q quit/u)
    await stop(terminal)
    await untilRestored(terminal, code)
  })

  test('drains when asked twice, says that the daemon is gone, and finds the next one', async () => {
    const daemon = await startDaemon()
    const terminal = top()
    await terminal.until(/q quit/u)
    terminal.type('d')
    await terminal.until(/y\/n/u)
    terminal.type('y')
    await daemon.exited()
    await terminal.until(/trying again/u)
    await startDaemon()
    await terminal.until((screen) => !/trying again/u.test(screen) && /tok\/s/u.test(screen))
    terminal.type('q')
    await untilRestored(terminal, 0)
  })

  test('watches a daemon on another machine', async () => {
    const mine = join(folder, 'mine')
    const owner = await ownKey(mine)
    const { address } = await startDaemon(owner)
    const terminal = top(['--data-dir', mine, '--peer', address])
    await terminal.until(/the example daemon is up/u)
    terminal.type('p')
    await terminal.until(/paused by the owner/u)
    terminal.type('q')
    await untilRestored(terminal, 0)
  })

  test('without a daemon says so and never touches the screen', async () => {
    const terminal = top()
    await terminal.until(/HANSE_CONTROL_UNREACHABLE/u)
    await terminal.until(/ended with 1/u)
    assert.ok(!terminal.raw.includes('\u001b[?1049h'))
  })

  /** The dashboard is the only child of the terminal's shell. */
  async function signalTop(signal: NodeJS.Signals): Promise<void> {
    for (const pid of await readdir('/proc')) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (line.startsWith(process.execPath) && line.includes(folder) && line.includes('\0top\0'))
        process.kill(Number(pid), signal)
    }
  }
})

describe('hanse provider status, pause, resume, drain and logs', () => {
  const life = async (...args: string[]) =>
    await hanse(['provider', ...args, '--data-dir', join(folder, 'daemon')], folder)

  test('steer the daemon of a data folder', async () => {
    const daemon = await startDaemon()
    const status = await life('status')
    assert.equal(status.code, 0, status.stderr)
    assert.match(status.stdout, /State +serving, up 1 d 2 h/u)
    assert.ok(!status.stdout.includes('\u001b'))
    const json = JSON.parse((await life('status', '--json')).stdout) as Record<string, unknown>
    assert.equal(json.peerId, daemon.peerId)
    const paused = await life('pause')
    assert.equal(paused.stdout, 'paused: paused by the owner, 2 sessions go on\n')
    assert.deepEqual(JSON.parse((await life('resume', '--json')).stdout), {
      state: 'serving',
      pausedBy: [],
      sessions: 2,
    })
    const logs = await life('logs', '-n', '2')
    assert.match(logs.stdout, /INFO {2}the owner asks by="this machine" method=pause\n.*resume\n$/u)
    assert.match((await life('top')).stdout, /State +serving/u)
    assert.equal((await life('drain', '--wait')).stdout, 'ended\n')
    await daemon.exited()
    const after = await life('status')
    assert.equal(after.code, 1)
    assert.match(after.stderr, /HANSE_CONTROL_UNREACHABLE\)\n.*Start the daemon/su)
    const last = await life('logs', '-n', '1', '--json')
    assert.equal(last.code, 0)
    assert.match(last.stdout, /"msg":"the example daemon ends"/u)
  })

  test('steer a daemon on another machine, for its owner alone', async () => {
    const [mine, theirs] = [join(folder, 'mine'), join(folder, 'theirs')]
    const owner = await ownKey(mine)
    const { address, peerId } = await startDaemon(owner)
    const remote = async (dataDir: string, ...args: string[]) =>
      await hanse(['provider', ...args, '--peer', address, '--data-dir', dataDir], folder)
    const short = await hanse(['--peer', address, 'status', '--json', '--data-dir', mine], folder)
    assert.equal(short.code, 0, short.stderr)
    assert.equal((JSON.parse(short.stdout) as { peerId: string }).peerId, peerId)
    assert.match((await remote(mine, 'pause')).stdout, /^paused/u)
    const refused = await remote(theirs, 'resume')
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      new RegExp(`--control-peers ${await ownKey(theirs)} .*HANSE_FORBIDDEN`, 'u'),
    )
    const byId = await hanse(
      ['--peer', peerId, 'status', '--bootstrap', address, '--data-dir', mine],
      folder,
    )
    assert.match(byId.stdout, /paused: paused by the owner/u)
  })

  test.each([
    [['--peer', 'nobody', 'status'], 2, /give a peer id/u],
    [['--peer', '/ip4/127.0.0.1/tcp/1', 'status'], 2, /ends in \/p2p\//u],
    [['--peer', '/ip4/127.0.0.1/tcp/1', 'gateway'], 2, /gateway knows no --peer/u],
    [['provider', 'logs', '-n', 'many'], 2, /whole number/u],
  ] as const)('%j is called wrongly', async (args, code, message) => {
    const { code: exit, stderr } = await hanse([...args], folder)
    assert.match(stderr, message)
    assert.equal(exit, code)
  })
})

/** Has a data folder make its key. @returns the peer id */
async function ownKey(dataDir: string): Promise<string> {
  const nobody = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWGRUVh8vSmpcEvSpWmoB8TBA9mXBuVVQSzS6Ve3dEDCpE'
  await hanse(['--peer', nobody, 'status', '--data-dir', dataDir], folder)
  return peerIdOf(await loadOrCreateIdentity(join(dataDir, 'identity.key')))
}
