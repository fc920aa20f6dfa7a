import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { HanseError } from '@hanse/protocol'
import { socketChannel } from './channel.ts'
import type { OpenChannel } from './control-client.ts'
import type { ControlService } from './control-service.ts'
import { ANSWER_BYTES_MAX, REQUEST_BYTES_MAX } from './messages.ts'
import { checkSocketFolder, socketPath } from './socket-path.ts'

/** Commands and dashboards at once; each takes a socket or two. */
const CONNECTIONS_MAX = 64

/**
 * Lets the owner's commands reach this daemon through a socket of its data folder. For whoever holds the lock of that
 * folder: a socket that is there and silent is what a killed daemon left, and is replaced.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING when a daemon answers there
 */
export async function serveLocalControl(
  dataDir: string,
  service: ControlService,
): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void service.serve(socketChannel(socket, REQUEST_BYTES_MAX), 'this machine')
  })
  server.maxConnections = CONNECTIONS_MAX
  const path = socketPath(dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  checkSocketFolder(path, dataDir)
  if (await answers(path))
    throw new HanseError('HANSE_ALREADY_RUNNING', `another daemon runs with the folder ${dataDir}`)
  await listen(server, path)
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Reaches the daemon that runs with a data folder on this machine. */
export function localControl(dataDir: string): OpenChannel {
  const path = socketPath(dataDir)
  return async (signal) => {
    checkSocketFolder(path, dataDir)
    signal.throwIfAborted()
    // Not with connect()'s own signal, which would cut the connection whenever it is aborted.
    const socket = connect({ path, allowHalfOpen: true })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    socket.once('connect', resolve).once('error', reject)
    try {
      await promise
    } catch (cause) {
      socket.destroy()
      throw new HanseError('HANSE_CONTROL_UNREACHABLE', `no daemon runs with ${dataDir}`, { cause })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    return socketChannel(socket, ANSWER_BYTES_MAX)
  }
}

async function answers(path: string): Promise<boolean> {
  const socket = connect({ path })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  const answered = await promise
  socket.destroy()
  return answered
}

async function listen(server: Server, path: string): Promise<void> {
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
