import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

// A raw pipe in front of what listens at the URL given: the least that a hop of HTTP costs in Node. It says where it listens
// in a JSON line, and ends with its parent.
const target = new URL(process.argv[2] ?? '')
const agent = new Agent({ keepAlive: true })

const server = createServer(pipe)
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
console.log(JSON.stringify({ event: 'ready', url: `http://127.0.0.1:${port}${target.pathname}` }))
process.stdin.resume().once('end', () => process.exit())
process.once('SIGTERM', () => process.exit())

function pipe(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming
  const { hostname, port: targetPort } = target
  const options = { hostname, port: targetPort, path, method, headers, agent }
  const onward = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
    answer.once('error', () => outgoing.destroy())
  })
  onward.once('error', () => outgoing.destroy())
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) onward.destroy()
  })
  incoming.pipe(onward)
}
