import { join } from 'node:path'
import { openLog } from '../../logging/open-log.ts'
import { loadOrCreateIdentity, openNetwork } from '../../network/index.ts'
import { ControlService, serveLocalControl, serveNetworkControl } from '../index.ts'
import { ExampleControl } from './example-status.ts'

// `node example-daemon.ts <data folder> [peer id of its owner]`: control, logs and network are real, the provider behind
// them is made up. Prints its addresses, and ends a moment after it was drained.

const [dataDir = '', owner] = process.argv.slice(2)
await using stack = new AsyncDisposableStack()
const { log, feed } = stack.use(openLog({ logLevel: 'info', dataDir, logFileMb: 1 }))
const network = stack.use(
  await openNetwork({
    privateKey: await loadOrCreateIdentity(join(dataDir, 'identity.key')),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: false,
    validateRecord: async () => {},
    selectRecord: () => 0,
  }),
)

class Daemon extends ExampleControl {
  readonly drained = Promise.withResolvers<void>()

  override async drain(): Promise<void> {
    await super.drain()
    setTimeout(() => this.drained.resolve(), 300)
    await this.drained.promise
  }
}

const control = new Daemon()
const { peerId } = network
control.current = { ...control.current, peerId }
const service = new ControlService({ control, logs: feed, log, peerId, version: '0.1.0' })
stack.use(await serveLocalControl(dataDir, service))
stack.use(await serveNetworkControl(network, service, owner === undefined ? [] : [owner]))
log.info('the example daemon is up')
process.once('SIGTERM', () => control.drained.resolve())
console.log(JSON.stringify({ peerId, addresses: network.addresses() }))
await control.drained.promise
log.info('the example daemon ends')
