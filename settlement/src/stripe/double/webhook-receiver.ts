import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

export const secret = 'whsec_hanse'

export interface Received {
  readonly body: string
  readonly signature: string
  readonly status: number
}

export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly received: Received[]
  /** Statuses for the next deliveries; 200 when empty. */
  readonly statuses: number[]
  /** Bodies that were answered with 200, in their order. */
  accepted(): string[]
  /** Answers 400 to what a check does not like. */
  refuse(check: (body: string, signature: string) => boolean): void
  waitFor(count: number): Promise<void>
}

/** Our end of the webhooks, for tests. */
export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const statuses: number[] = []
  let refused: (body: string, signature: string) => boolean = () => false
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const signature = String(request.headers['stripe-signature'])
      const status = refused(body, signature) ? 400 : (statuses.shift() ?? 200)
      received.push({ body, signature, status })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    url: `http://127.0.0.1:${address.port}/stripe`,
    received,
    statuses,
    accepted: () => received.filter(({ status }) => status === 200).map(({ body }) => body),
    refuse(check) {
      refused = check
    },
    async waitFor(count) {
      for (let i = 0; i < 500 && received.length < count; i += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      assert.equal(received.length, count)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
