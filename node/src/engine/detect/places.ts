import { rootOf } from '../http/programs.ts'

/** Where engines listen unless they are told otherwise. */
const PORTS: readonly number[] = [
  11434, // Ollama
  8080, // llama.cpp server, LocalAI, TGI in its container
  8000, // vLLM
  1234, // LM Studio
  3000, // TGI
]

/** Beyond this many places, the rest of a list is not looked at: nobody runs so many on one machine. */
const PLACES_MAX = 64

export interface Place {
  /** Without `/v1`. */
  readonly url: string
  /** Named by the owner, who may have given a key for it; a port that is merely usual is never shown one. */
  readonly named: boolean
}

export interface PlaceOptions {
  /** Base URLs that the owner named. */
  readonly urls?: readonly string[]
  readonly ports?: readonly number[]
  /** `OLLAMA_HOST`, as Ollama itself reads it. */
  readonly ollamaHost?: string | undefined
}

/** Each place once, the owner's own first. */
export function placesOf({ urls = [], ports = PORTS, ollamaHost }: PlaceOptions): Place[] {
  const places = new Map<string, Place>()
  const add = (url: string, named: boolean): void => {
    if (places.size < PLACES_MAX && !places.has(url)) places.set(url, { url, named })
  }
  for (const url of urls) add(rootOf(url), true)
  const ollama = ollamaUrl(ollamaHost)
  if (ollama !== undefined) add(ollama, false)
  for (const port of ports) add(`http://127.0.0.1:${port}`, false)
  return [...places.values()]
}

/**
 * A host, a port or both, with or without a scheme. It says where Ollama's server listens as well as where its client
 * finds it; an address that means every interface is this machine.
 */
export function ollamaUrl(host: string | undefined): string | undefined {
  const text = host?.trim() ?? ''
  if (text === '') return undefined
  const withScheme = /^https?:\/\//u.test(text)
    ? text
    : `http://${text.startsWith(':') ? `0.0.0.0${text}` : text}`
  if (!URL.canParse(withScheme)) return undefined
  const url = new URL(withScheme)
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1'
  // A port that is the scheme's own is not in `url.port`, but it may be in the text.
  const portless = url.port === '' && !/:\d+\/?$/u.test(text)
  if (portless && url.protocol === 'http:') url.port = '11434'
  return url.origin + url.pathname.replace(/\/+$/u, '')
}
