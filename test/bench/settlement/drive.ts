import { setTimeout } from 'node:timers/promises'
import type { Load } from './market.ts'
import { meterOf, type Used } from './meter.ts'
import type { Running } from './service.ts'

export interface Drive extends Used {
  /** Of each request, milliseconds. */
  readonly latencies: readonly number[]
}

/** Half a minute of being told to come again is no measurement any more. */
const TRIES_MAX = 30

interface Answer {
  readonly results: readonly { readonly status: string; readonly refused?: readonly unknown[] }[]
}

/** Sends what each client has, one request after the other, all clients at once. @throws {Error} when anything is not booked */
export async function drive(
  service: Running,
  path: string,
  load: Load,
  postmaster?: number,
): Promise<Drive> {
  const latencies: number[] = []
  const meter = meterOf(service, postmaster)
  await Promise.all(
    load.map(async (bodies) => {
      for (const body of bodies) {
        const sent = performance.now()
        await send(`${service.url}${path}`, body)
        latencies.push(performance.now() - sent)
      }
    }),
  )
  return { latencies, ...meter() }
}

/** Sends until it is taken: a service that has too much to do says when to come again, and the time counts. */
async function send(url: string, body: Uint8Array): Promise<void> {
  let response = await post(url, body)
  for (let tries = 1; isBusy(response) && tries < TRIES_MAX; tries++) {
    await response.arrayBuffer()
    await setTimeout(Number(response.headers.get('retry-after') ?? 1) * 1000)
    response = await post(url, body)
  }
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  for (const { status, refused = [] } of (JSON.parse(text) as Answer).results) {
    if (status !== 'booked' || refused.length > 0) throw new Error(text.slice(0, 500))
  }
}

const post = (url: string, body: Uint8Array): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/cbor' },
    body: body as Uint8Array<ArrayBuffer>,
  })

const isBusy = ({ status }: Response): boolean => status === 429 || status === 503
