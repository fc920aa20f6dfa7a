import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { parseJsonObject } from '../json.ts'
import {
  FIRST_PROBE,
  FURTHER_PROBES,
  type Identity,
  identify,
  type ProbeAnswer,
} from './identify.ts'
import { type Place, type PlaceOptions, placesOf } from './places.ts'

/** An engine that runs on this machine, or where its owner said. */
export interface DetectedEngine extends Identity {
  /** Without `/v1`. */
  readonly url: string
  /** Whether its owner named this URL. */
  readonly named: boolean
}

export interface DetectOptions extends PlaceOptions {
  /** Shown to the URLs that the owner named, and to no others. */
  readonly apiKey?: string | undefined
  /** For all of it, ms. An engine on this machine answers in a few; nobody wants to wait longer for a first look. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 1_500

/** A list of a thousand models takes some 300 KiB, llama.cpp's chat template some 20. */
const ANSWER_BYTES_MAX = 1 << 20

/**
 * Finds running engines by their usual ports and their answers, the owner's own URLs first. Asks by GET alone, follows no
 * redirects, and takes what does not answer in time for not there.
 */
export async function detectEngines(options: DetectOptions = {}): Promise<DetectedEngine[]> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  const looks = placesOf(options).map(async (place) => await look(place, options.apiKey, signal))
  const found = await Promise.all(looks)
  return found.filter((engine) => engine !== undefined)
}

async function look(
  place: Place,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<DetectedEngine | undefined> {
  const key = place.named ? apiKey : undefined
  const first = await probe(place.url + FIRST_PROBE, key, signal)
  if (first === undefined) return undefined
  const further = FURTHER_PROBES.map(
    async (path) => [path, await probe(place.url + path, key, signal)] as const,
  )
  const answers = new Map<string, ProbeAnswer>([[FIRST_PROBE, first]])
  for (const [path, answer] of await Promise.all(further))
    if (answer !== undefined) answers.set(path, answer)
  const identity = identify(answers)
  return identity === undefined ? undefined : { ...identity, ...place }
}

/** `undefined` when nobody answers in time, or at too great a length. */
async function probe(
  address: string,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<ProbeAnswer | undefined> {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  const headers = {
    accept: 'application/json, text/plain',
    // One connection a probe: what listens may not be an engine, and is left alone at once.
    connection: 'close',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  }
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer | undefined>()
  const onResponse = (response: IncomingMessage): void => {
    read(response).then(resolve, () => resolve(undefined))
  }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const outgoing = send(url, { method: 'GET', headers, agent: false, signal }, onResponse)
  outgoing.on('error', () => resolve(undefined))
  outgoing.end()
  return await promise
}

async function read(response: IncomingMessage): Promise<ProbeAnswer | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength
    if (bytes > ANSWER_BYTES_MAX) return undefined
    parts.push(part)
  }
  const text = Buffer.concat(parts).toString()
  const status = response.statusCode ?? 0
  return {
    status,
    server: String(response.headers.server ?? ''),
    text,
    json: parseJsonObject(text),
  }
}
