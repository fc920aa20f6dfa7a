import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Carries TCP connections to a port of this machine, and keeps every byte of both directions. */
export class WireTap implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #chunks: Buffer[] = []
  /** How many connections came. */
  connections = 0

  private constructor(port: number) {
    this.#server = createServer((near) => {
      this.connections++
      const far = connect(port, '127.0.0.1')
      this.#carry(near, far)
      this.#carry(far, near)
    })
  }

  static async open(port: number): Promise<WireTap> {
    const tap = new WireTap(port)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    return tap
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Everything that went through, in the order in which it came. */
  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (chunk) => {
      this.#chunks.push(chunk)
      to.write(chunk)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}

/** The TCP port that a multiaddress of this machine listens on. */
export function tcpPortOf(addresses: readonly string[]): number {
  const port = addresses.map((at) => /\/tcp\/(\d+)\/p2p\/[^/]+$/u.exec(at)?.[1]).find(Boolean)
  if (port === undefined) throw new Error(`nothing listens in ${addresses.join()}`)
  return Number(port)
}
