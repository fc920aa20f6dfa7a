import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** VIES' REST form: what it answers to a number, and what it was asked. */
export async function startVies(answer: (number: string) => { status?: number; body: unknown }) {
  const asked: { path: string | undefined; body: Record<string, string> }[] = []
  const server = createServer((request, response) => {
    void json(request).then((read) => {
      const body = read as Record<string, string>
      asked.push({ path: request.url, body })
      const { status = 200, body: reply } = answer(body.vatNumber ?? '')
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
