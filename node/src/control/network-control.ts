import { HanseError } from '@hanse/protocol'
import type { Network } from '../network/index.ts'
import { streamChannel } from './channel.ts'
import type { OpenChannel } from './control-client.ts'
import type { ControlService } from './control-service.ts'
import { CONTROL_PROTOCOL } from './messages.ts'

/** Of one peer at a time: a dashboard has two, and each key press one. */
const STREAMS_PER_PEER_MAX = 16

/** Lets peers of `controlPeers` steer this daemon. Noise has proven who they are; everybody else is told no and nothing more. */
export async function serveNetworkControl(
  network: Pick<Network, 'handle' | 'unhandle'>,
  service: ControlService,
  controlPeers: readonly string[],
): Promise<AsyncDisposable> {
  const allowed = new Set(controlPeers)
  await network.handle(
    CONTROL_PROTOCOL,
    async (frames, remotePeer) => {
      const channel = streamChannel(frames)
      if (allowed.has(remotePeer)) {
        await service.serve(channel, remotePeer)
        return
      }
      const fault = new HanseError('HANSE_FORBIDDEN', 'this key may not control this daemon')
      await service.refuse(channel, fault)
    },
    { maxInboundStreams: STREAMS_PER_PEER_MAX },
  )
  return { [Symbol.asyncDispose]: async () => await network.unhandle(CONTROL_PROTOCOL) }
}

/** Reaches a daemon on another machine. @param target its peer id, or addresses of it */
export function networkControl(
  network: Pick<Network, 'openStream'>,
  target: string | string[],
): OpenChannel {
  return async (signal) => {
    try {
      const { frames } = await network.openStream(target, CONTROL_PROTOCOL, { signal })
      return streamChannel(frames)
    } catch (cause) {
      const name = typeof target === 'string' ? target : target.join(', ')
      throw new HanseError('HANSE_CONTROL_UNREACHABLE', `${name} does not answer`, { cause })
    }
  }
}
