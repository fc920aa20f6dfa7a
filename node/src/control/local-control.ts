import { chmodSync, existsSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { socketChannel } from './channel.ts'
import type { OpenChannel } from './control-client.ts'
import type { ControlService } from './control-service.ts'
import { lockFile } from './folder-lock.ts'
import { ANSWER_BYTES_MAX, REQUEST_BYTES_MAX } from './messages.ts'
import { checkSocketFolder, socketPath } from './socket-path.ts'

/** Commands and dashboards at once; each takes a socket or two. */
const CONNECTIONS_MAX = 64

/**
 * Lets the owner's commands reach this daemon through a socket of its data folder.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING when a daemon runs with this folder
 */
export async function serveLocalControl(
  dataDir: string,
  service: ControlService,
): Promise<AsyncDisposable> {
  const lock = lockFile(join(dataDir, 'control.lock'), `the data folder ${dataDir}`)
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void service.serve(socketChannel(socket, REQUEST_BYTES_MAX), 'this machine')
  })
  server.maxConnections = CONNECTIONS_MAX
  try {
    await listen(server, dataDir)
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
      lock[Symbol.dispose]()
    },
  }
}

/** Reaches the daemon that runs with a data folder on this machine. */
export function localControl(dataDir: string): OpenChannel {
  const path = socketPath(dataDir)
  return async (signal) => {
    checkSocketFolder(path, dataDir)
    const socket = connect({ path, allowHalfOpen: true, signal })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('connect', resolve).once('error', reject)
    try {
      await promise
    } catch (cause) {
      throw new HanseError('HANSE_CONTROL_UNREACHABLE', `no daemon runs with ${dataDir}`, { cause })
    }
    return socketChannel(socket, ANSWER_BYTES_MAX)
  }
}

async function listen(server: Server, dataDir: string): Promise<void> {
  const path = socketPath(dataDir)
  checkSocketFolder(path, dataDir)
  // What a daemon left that was killed: the lock says that none runs.
  if (process.platform !== 'win32') rmSync(path, { force: true })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ path }, resolve)
  // The socket is made by the call itself, so nobody gets in between; a fault of it comes by the event.
  if (process.platform !== 'win32' && existsSync(path)) chmodSync(path, 0o600)
  await promise
  server.off('error', reject)
  server.on('error', () => {})
}
