import { ControlService, serveLocalControl, serveNetworkControl } from '../control/index.ts'
import type { RunningNode } from '../daemon/running.ts'
import { VERSION } from '../version.ts'
import type { GatewayControl } from './gateway-control.ts'

/** Lets the owner of a gateway rule it: from this machine, and from those of `controlPeers`. */
export async function serveControl(
  gateway: GatewayControl,
  { network, log, logs }: RunningNode,
  settings: { readonly dataDir: string; readonly controlPeers: readonly string[] },
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const service = new ControlService({
    gateway,
    logs,
    log,
    peerId: network.peerId,
    version: VERSION,
  })
  stack.use(await serveLocalControl(settings.dataDir, service))
  stack.use(await serveNetworkControl(network, service, settings.controlPeers))
  const opened = stack.move()
  return { [Symbol.asyncDispose]: async () => await opened.disposeAsync() }
}
