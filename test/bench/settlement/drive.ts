import { cpuUs } from '../process-use.ts'
import type { Load } from './market.ts'
import type { Running } from './service.ts'

export interface Drive {
  readonly seconds: number
  /** Of each request, milliseconds. */
  readonly latencies: readonly number[]
  /** Of the service's process, microseconds; undefined where the system does not tell. */
  readonly cpu: number | undefined
}

interface Answer {
  readonly results: readonly { readonly status: string; readonly refused?: readonly unknown[] }[]
}

/** Sends what each client has, one request after the other, all clients at once. @throws {Error} when anything is not booked */
export async function drive(service: Running, path: string, load: Load): Promise<Drive> {
  const latencies: number[] = []
  const before = cpuUs(service.pid)
  const start = performance.now()
  await Promise.all(
    load.map(async (bodies) => {
      for (const body of bodies) {
        const sent = performance.now()
        await send(`${service.url}${path}`, body)
        latencies.push(performance.now() - sent)
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  const after = cpuUs(service.pid)
  const cpu = before === undefined || after === undefined ? undefined : after - before
  return { seconds, latencies, cpu }
}

async function send(url: string, body: Uint8Array): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: body as Uint8Array<ArrayBuffer>,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  for (const { status, refused = [] } of (JSON.parse(text) as Answer).results) {
    if (status !== 'booked' || refused.length > 0) throw new Error(text.slice(0, 500))
  }
}
