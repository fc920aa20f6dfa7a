import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { afterAll, beforeAll, test } from 'vitest'
import { createNetworkKey, loadNetworkKey } from './network-key.ts'
import { openTestNetwork } from './test-network.ts'

const PROTOCOL = '/hanse/test/1.0.0'
const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) })
const isKeyFault = (error: unknown) =>
  error instanceof HanseError && error.code === 'HANSE_NETWORK_KEY'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-key-'))
})
afterAll(async () => await rm(folder, { recursive: true, force: true }))

async function newKey(name: string): Promise<Uint8Array> {
  const path = join(folder, name)
  await createNetworkKey(path)
  return await loadNetworkKey(path)
}

test('a key is made for its owner alone, never replaced, and read back', async () => {
  const path = join(folder, 'made.key')
  await createNetworkKey(path)
  const text = await readFile(path, 'utf8')
  assert.match(text, /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/u)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await assert.rejects(createNetworkKey(path), isKeyFault)
  assert.equal(await readFile(path, 'utf8'), text)
  assert.equal(new TextDecoder().decode(await loadNetworkKey(path)), text.trim())
})

test.each([
  ['nothing', ''],
  ['half a key', `/key/swarm/psk/1.0.0/\n/base16/\n${'ab'.repeat(31)}\n`],
  ['another encoding', `/key/swarm/psk/1.0.0/\n/base64/\n${'ab'.repeat(32)}\n`],
  ['letters that are no hex', `/key/swarm/psk/1.0.0/\n/base16/\n${'zz'.repeat(32)}\n`],
  ['a large file', `/key/swarm/psk/1.0.0/\n/base16/\n${'ab'.repeat(32)}\n${'\n'.repeat(2000)}`],
])('%s is no key', async (name, text) => {
  const path = join(folder, name)
  await writeFile(path, text, { mode: 0o600 })
  await assert.rejects(loadNetworkKey(path), isKeyFault)
})

test('a key that others may read, and one that is not there, are refused', async () => {
  const path = join(folder, 'open.key')
  await createNetworkKey(path)
  await chmod(path, 0o640)
  await assert.rejects(loadNetworkKey(path), /mode 640/u)
  await assert.rejects(loadNetworkKey(join(folder, 'absent')), isKeyFault)
})

test('nodes with the key meet, also through a relay; one without it, or with another, does not', async () => {
  await using stack = new AsyncDisposableStack()
  const networkKey = await newKey('ours.key')
  const relay = stack.use(await openTestNetwork({ networkKey, relay: true }))
  const hidden = stack.use(await openTestNetwork({ networkKey, listen: [], relayUse: 'on' }))
  await hidden.handle(PROTOCOL, async (frames) => {
    for await (const frame of frames) frames.write(frame)
    await frames.end()
  })
  hidden.keepConnected(relay.addresses())
  for (let tries = 0; hidden.addresses().length === 0 && tries < 200; tries++)
    await new Promise((resolve) => setTimeout(resolve, 25))
  const friend = stack.use(await openTestNetwork({ networkKey, listen: [] }))
  const { frames } = await friend.openStream(hidden.addresses(), PROTOCOL, within(10_000))
  frames.write(new Uint8Array([7]))
  assert.deepEqual(await frames.readFrame(AbortSignal.timeout(5_000)), new Uint8Array([7]))
  const strangers = [
    stack.use(await openTestNetwork({ listen: [] })),
    stack.use(await openTestNetwork({ listen: [], networkKey: await newKey('theirs.key') })),
  ]
  for (const stranger of strangers) {
    await assert.rejects(stranger.openStream(relay.addresses(), PROTOCOL, within(3_000)))
    assert.equal(stranger.connectionCount, 0)
  }
})

test('nodes of one name find each other by multicast, and those of another name do not', async () => {
  await using stack = new AsyncDisposableStack()
  const [one, other, stranger] = [
    stack.use(await openTestNetwork({ mdnsTag: '_hanse-aaaa._udp.local' })),
    stack.use(await openTestNetwork({ mdnsTag: '_hanse-aaaa._udp.local' })),
    stack.use(await openTestNetwork({ mdnsTag: '_hanse-bbbb._udp.local' })),
  ]
  await one.whenConnected(AbortSignal.timeout(25_000))
  assert.equal(one.connectionsTo(other.peerId).length >= 1, true)
  assert.equal(stranger.connectionCount, 0)
})
