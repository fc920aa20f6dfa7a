import type { Server, Socket } from 'node:net'
import type { Listener, Transport } from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'
import { eachConnection } from './each-connection.ts'
import { joinWrites } from './gathered-writes.ts'

/** As long as libp2p gives a connection for all that follows. */
const HANDSHAKE_MS = 10_000

type OpenWebSockets = ReturnType<typeof webSockets>
type OpenTransport = (...args: Parameters<OpenWebSockets>) => Transport

/**
 * libp2p's WebSockets, whose sockets end. Of its own, a connection that is aborted keeps its socket, as it asks for a code
 * that no WebSocket closes with; and a socket that does not ask for a WebSocket stays for ever, counted by nobody.
 */
export function endingWebSockets(): OpenTransport {
  const open = eachConnection(webSockets(), (connection) => {
    Reflect.set(connection, 'sendReset', () => cut(connection))
    joinWrites(connection)
  })
  return (components) => {
    const transport = open(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => limited(createListener(options))
    return transport
  }
}

function cut(connection: object): void {
  const websocket = Reflect.get(connection, 'websocket') as WebSocket & { terminate?: () => void }
  // The server's can be ended at once; the client's is the one of the web platform, which only asks to be.
  if (websocket.terminate === undefined) websocket.close()
  else websocket.terminate()
}

/** Ends sockets that are no WebSocket in time, however busily they send something else. */
function limited(listener: Listener): Listener {
  const websockets = new WeakSet<object>()
  const inside = listener as Listener & { readonly server: Server; readonly http?: Server }
  inside.server.on('connection', (socket: Socket) => {
    const timer = setTimeout(() => {
      if (!websockets.has(socket)) socket.destroy()
    }, HANDSHAKE_MS)
    socket.once('close', () => clearTimeout(timer))
    timer.unref()
  })
  const listen = listener.listen.bind(listener)
  listener.listen = async (address) => {
    await listen(address)
    // Before the first socket: it comes from the event loop, to which nothing above has returned.
    inside.http?.prependListener('upgrade', (_request: unknown, socket: Socket) =>
      websockets.add(socket),
    )
  }
  return listener
}
