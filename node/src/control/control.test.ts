import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { openTestNetwork } from '../network/test-network.ts'
import { ControlClient } from './control-client.ts'
import { ControlService, FOLLOWERS_MAX } from './control-service.ts'
import { localControl, serveLocalControl } from './local-control.ts'
import { CONTROL_PROTOCOL } from './messages.ts'
import { networkControl, serveNetworkControl } from './network-control.ts'
import { checkSocketFolder, socketPath } from './socket-path.ts'
import { ExampleControl, exampleReachability } from './testing/example-status.ts'

class ExampleLog {
  readonly lines: string[] = ['one', 'two', 'three']
  readonly listeners = new Set<(line: string) => void>()

  tail(count: number): string[] {
    return count === 0 ? [] : this.lines.slice(-count)
  }

  follow(listener: (line: string) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  write(line: string): void {
    for (const listener of this.listeners) listener(line)
  }
}

const never = new AbortController().signal
let folder = ''
let stack = new AsyncDisposableStack()
let daemon = new ExampleControl()
let log = new ExampleLog()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hanse-control-'))
  stack = new AsyncDisposableStack()
  daemon = new ExampleControl()
  log = new ExampleLog()
})
afterEach(async () => {
  await stack.disposeAsync()
  rmSync(folder, { recursive: true, force: true })
})

const makeService = () =>
  new ControlService({
    control: daemon,
    logs: log,
    log: pino({ level: 'silent' }),
    peerId: daemon.current.peerId,
    version: '0.1.0',
  })

async function overSocket(): Promise<ControlClient> {
  stack.use(await serveLocalControl(folder, makeService()))
  return new ControlClient(localControl(folder))
}

async function overNetwork(): Promise<ControlClient> {
  const owner = stack.use(await openTestNetwork())
  const provider = stack.use(await openTestNetwork())
  stack.use(await serveNetworkControl(provider, makeService(), [owner.peerId]))
  return new ControlClient(networkControl(owner, provider.addresses()))
}

describe.each([
  ['a socket of the data folder', overSocket],
  ['the network', overNetwork],
])('an owner, over %s,', (_name, open) => {
  test('sees the status, pauses, resumes and drains', async () => {
    const client = await open()
    assert.deepEqual(await client.ping(), { peerId: daemon.current.peerId, version: '0.1.0' })
    assert.deepEqual(await client.status(), daemon.current)
    await client.pause()
    assert.deepEqual((await client.status()).pausedBy, ['paused by the owner'])
    await client.resume()
    assert.equal((await client.status()).state, 'serving')
    await client.drain()
    assert.deepEqual(daemon.asked, ['pause', 'resume', 'drain'])
  })

  test('hears what peers say of the ways to it', async () => {
    const client = await open()
    assert.deepEqual(await client.reachability(), exampleReachability())
    assert.deepEqual(daemon.asked, ['reachability'])
  })

  test('watches the status until it stops watching', async () => {
    const client = await open()
    const states: string[] = []
    const enough = new AbortController()
    for await (const { state } of client.watch(250, enough.signal)) {
      states.push(state)
      if (states.length === 1) await client.pause()
      if (states.length === 3) enough.abort()
    }
    assert.deepEqual(states, ['serving', 'paused', 'paused'])
  })

  test('reads the last lines of the log, then those that come', async () => {
    const client = await open()
    const enough = new AbortController()
    const lines: string[] = []
    for await (const part of client.logs({ lines: 2, follow: true }, enough.signal)) {
      lines.push(...part.lines)
      if (lines.length === 2) {
        await until(() => log.listeners.size === 1)
        log.write('four')
      }
      if (lines.length === 3) enough.abort()
    }
    assert.deepEqual(lines, ['two', 'three', 'four'])
    await until(() => log.listeners.size === 0)
  })

  test('reads the last lines and no more when that is all it asks for', async () => {
    const client = await open()
    const parts = []
    for await (const part of client.logs({ lines: 100, follow: false }, never)) parts.push(part)
    assert.deepEqual(parts, [{ lines: ['one', 'two', 'three'], dropped: 0 }])
  })

  test('is told of a fault with its code, and may ask again', async () => {
    const client = await open()
    daemon.pause = async () => {
      throw new Error('a bug with a secret in it')
    }
    await assert.rejects(client.pause(), (error: Error & { code?: string }) => {
      return error.code === 'HANSE_INTERNAL' && !error.message.includes('secret')
    })
    assert.equal((await client.status()).state, 'serving')
  })

  test('may have so many screens at once, and one more when another closes', async () => {
    const client = await open()
    const screens: AbortController[] = []
    const watching: Promise<void>[] = []
    for (let i = 0; i < FOLLOWERS_MAX; i++) {
      const closed = new AbortController()
      const first = Promise.withResolvers<void>()
      watching.push(
        (async () => {
          for await (const _ of client.watch(60_000, closed.signal)) first.resolve()
        })(),
      )
      await first.promise
      screens.push(closed)
    }
    await assert.rejects(client.watch(1_000, never).next(), { code: 'HANSE_CONNECTION_LIMIT' })
    screens[0]?.abort()
    await watching[0]
    await until(async () => {
      const next = client.watch(60_000, never)
      const opened = await next.next().catch(() => undefined)
      await next.return(undefined)
      return opened !== undefined
    })
    for (const screen of screens) screen.abort()
    await Promise.all(watching)
  })

  test('learns at once that the daemon has ended', async () => {
    const client = await open()
    const watching = client.watch(60_000, never)
    await watching.next()
    const next = watching.next()
    await Promise.all([
      assert.rejects(next, { code: 'HANSE_CONTROL_UNREACHABLE' }),
      stack.disposeAsync(),
    ])
    stack = new AsyncDisposableStack()
    await assert.rejects(client.status(), { code: 'HANSE_CONTROL_UNREACHABLE' })
  })
})

describe('a peer that is not the owner', () => {
  test('is told that it may not, whatever it asks, and the daemon does nothing', async () => {
    const stranger = stack.use(await openTestNetwork())
    const owner = stack.use(await openTestNetwork())
    const provider = stack.use(await openTestNetwork())
    for (const controlPeers of [[], [owner.peerId]]) {
      const serving = await serveNetworkControl(provider, makeService(), controlPeers)
      const client = new ControlClient(networkControl(stranger, provider.addresses()))
      for (const ask of ['ping', 'status', 'pause', 'drain'] as const) {
        await assert.rejects(client[ask](), { code: 'HANSE_FORBIDDEN' })
      }
      await assert.rejects(client.logs({ lines: 5, follow: true }, never).next(), {
        code: 'HANSE_FORBIDDEN',
      })
      await serving[Symbol.asyncDispose]()
    }
    assert.deepEqual(daemon.asked, [])
  })
})

describe('bytes that are no request', () => {
  test('are answered with a code over the network, and the next request works', async () => {
    const owner = stack.use(await openTestNetwork())
    const provider = stack.use(await openTestNetwork())
    stack.use(await serveNetworkControl(provider, makeService(), [owner.peerId]))
    for (const bytes of [new Uint8Array(), new Uint8Array([1, 2]), new Uint8Array(5_000)]) {
      const { frames } = await owner.openStream(provider.addresses(), CONTROL_PROTOCOL)
      frames.write(bytes)
      const [answer] = (await frames.readBatch()) ?? []
      assert.match(new TextDecoder().decode(answer), /HANSE_REQUEST_INVALID/u)
      frames.abort(new Error('done'))
    }
    const client = new ControlClient(networkControl(owner, provider.addresses()))
    assert.equal((await client.status()).state, 'serving')
  })

  test('end the connection over a socket, and the next request works', async () => {
    const client = await overSocket()
    for (const bytes of [`GET / HTTP/1.1\r\n${'x'.repeat(100)}`, Buffer.alloc(100_000, 0xff)]) {
      const socket = connect(socketPath(folder))
      socket.on('error', () => {})
      socket.write(bytes)
      socket.resume()
      // Not once(): a reset is as good an end as any.
      await new Promise((resolve) => socket.once('close', resolve))
    }
    assert.equal((await client.status()).state, 'serving')
  })
})

test.each([
  ['a socket', async () => [await overSocket(), localControl(folder)] as const],
  [
    'the network',
    async () => {
      const owner = stack.use(await openTestNetwork())
      const provider = stack.use(await openTestNetwork())
      stack.use(await serveNetworkControl(provider, makeService(), [owner.peerId]))
      return [undefined, networkControl(owner, provider.addresses())] as const
    },
  ],
])('an open channel over %s outlives the time that opening it may take', async (_name, prepare) => {
  const [, open] = await prepare()
  const opening = new AbortController()
  const channel = await open(opening.signal)
  opening.abort()
  await new Promise((resolve) => setImmediate(resolve))
  const client = new ControlClient(async () => channel)
  assert.equal((await client.status()).state, 'serving')
})

describe('the socket', () => {
  test('is its owner’s alone, and gone when the daemon ends', async () => {
    await overSocket()
    const path = socketPath(folder)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    await stack.disposeAsync()
    stack = new AsyncDisposableStack()
    assert.ok(!existsSync(path))
  })

  test('is refused to a second daemon of the same folder, and the first goes on', async () => {
    const client = await overSocket()
    await assert.rejects(serveLocalControl(folder, makeService()), {
      code: 'HANSE_ALREADY_RUNNING',
    })
    assert.equal((await client.status()).state, 'serving')
  })

  test('is taken over from a daemon that was killed', async () => {
    const local = fileURLToPath(new URL('./local-control.ts', import.meta.url))
    const script = `
      import { serveLocalControl } from ${JSON.stringify(local)}
      await serveLocalControl(${JSON.stringify(folder)}, { serve: async () => {} })
      console.log('serving')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    try {
      await once(child.stdout, 'data')
      await assert.rejects(serveLocalControl(folder, makeService()), {
        code: 'HANSE_ALREADY_RUNNING',
      })
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    assert.ok(existsSync(socketPath(folder)), 'the killed daemon left its socket')
    const client = await overSocket()
    assert.equal((await client.status()).state, 'serving')
  })

  test('of a folder with a long name is kept in a private folder for temporary files', async () => {
    folder = join(folder, 'x'.repeat(120))
    const path = socketPath(folder)
    assert.ok(Buffer.byteLength(path) <= 103)
    assert.ok(!path.startsWith(folder))
    assert.equal(socketPath(join(folder, '.')), path)
    const client = await overSocket()
    assert.equal((await client.status()).state, 'serving')
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
    folder = dirname(folder)
  })

  test('is not looked for in a folder that others may write to', () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    assert.throws(() => checkSocketFolder(join(open, 'x.sock'), folder), {
      code: 'HANSE_CONFIG_INVALID',
    })
  })

  test('on Windows is a pipe of its own for each folder', () => {
    const pipe = socketPath('C:\\a', 'win32')
    assert.match(pipe, /^\\\\\.\\pipe\\hanse-[0-9a-f]{24}$/u)
    assert.notEqual(pipe, socketPath('C:\\b', 'win32'))
  })
})

test('without a daemon there is a clear error', async () => {
  const client = new ControlClient(localControl(folder))
  await assert.rejects(client.status(), { code: 'HANSE_CONTROL_UNREACHABLE' })
})

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail('it did not come true within 5 s')
}
