import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadOrCreateIdentity, type Network, openNetwork } from '@hanse/node'

// Peers that keep the DHT and do nothing else, several in one process, for look-ups that have somebody to ask. It says when all
// have joined through the relay, and ends with its parent.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { peers: { type: 'string', default: '8' } },
})
const [relay = ''] = positionals
const JOIN_MS = 60_000

const folder = await mkdtemp(join(tmpdir(), 'hanse-dht-peers-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const networks: Network[] = []
for (let i = 0; i < Number(values.peers); i++) {
  const network = await openNetwork({
    privateKey: await loadOrCreateIdentity(join(folder, `${i}.key`)),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: false,
    validateRecord: async () => {},
    selectRecord: () => 0,
  })
  network.keepConnected([relay])
  networks.push(network)
}
await Promise.all(
  networks.map(async (network) => await network.whenConnected(AbortSignal.timeout(JOIN_MS))),
)
console.log(JSON.stringify({ event: 'ready', peers: networks.length }))
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())
