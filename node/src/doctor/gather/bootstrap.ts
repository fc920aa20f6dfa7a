import { connect } from 'node:net'
import { OFFER_PROTOCOL } from '@hanse/protocol'
import type { Network } from '../../network/index.ts'
import type { BootstrapView } from '../provider-facts.ts'

/** A handshake on a slow line takes a second or two. */
const DIAL_MS = 5_000

/** Tries one relay: whether something listens there, and whether it is a node of our network. */
export async function tryBootstrap(network: Network, address: string): Promise<BootstrapView> {
  const [answers, joined] = await Promise.all([listens(address), joins(network, address)])
  return { address, answers: answers || joined, joined }
}

/** A relay offers nothing, so a node that connects and then has no such protocol is one that we have joined. */
async function joins(network: Network, address: string): Promise<boolean> {
  try {
    const { frames } = await network.openStream([address], OFFER_PROTOCOL, {
      signal: AbortSignal.timeout(DIAL_MS),
    })
    frames.abort(new Error('only looking'))
    return true
  } catch (error) {
    return error instanceof Error && error.name === 'UnsupportedProtocolError'
  }
}

async function listens(address: string): Promise<boolean> {
  const [, , host, transport, port] = address.split('/')
  // Other transports are judged by the dial alone.
  if (host === undefined || transport !== 'tcp' || port === undefined) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host, port: Number(port), timeout: DIAL_MS })
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.once('timeout', () => resolve(false))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}
