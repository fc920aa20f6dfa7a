import { type Engine, EngineError } from '../engine.ts'
import { OpenAiEngine } from '../http/openai-engine.ts'
import { rootOf } from '../http/programs.ts'
import { OllamaEngine } from '../ollama/ollama-engine.ts'
import { type DetectedEngine, detectEngines } from './detect-engines.ts'
import type { EngineKind } from './identify.ts'

export interface OpenEngineOptions {
  readonly apiKey?: string | undefined
  /** Between two reads of an answer, ms. */
  readonly idleMs?: number | undefined
  /** Ollama's `keep_alive`. */
  readonly keepAlive?: string | undefined
  /** Tokens of context to run Ollama's models with. */
  readonly contextLength?: number | undefined
}

/** Opens an engine that was found. The key goes to it only when its owner named the URL. */
export function openDetectedEngine(found: DetectedEngine, options: OpenEngineOptions): Engine {
  const { apiKey, ...rest } = options
  return openEngine(found.kind, found.url, { ...rest, apiKey: found.named ? apiKey : undefined })
}

/**
 * Opens the engine at a URL that its owner named, as the program that it turns out to be.
 *
 * @throws {EngineError} HANSE_ENGINE_UNAVAILABLE when no engine answers there
 */
export async function openEngineAt(url: string, options: OpenEngineOptions = {}): Promise<Engine> {
  const { apiKey } = options
  const [found] = await detectEngines({ urls: [url], ports: [], apiKey, timeoutMs: NAMED_MS })
  if (found === undefined)
    throw new EngineError('HANSE_ENGINE_UNAVAILABLE', `no engine answers at ${url}`)
  return openEngine(found.kind, found.url, options)
}

/** An engine that its owner named may be across a network. */
const NAMED_MS = 5_000

/** Opens an engine of a known kind, whether it answers already or not. */
export function openEngine(kind: EngineKind, url: string, options: OpenEngineOptions): Engine {
  const root = rootOf(url)
  const { apiKey, idleMs, keepAlive, contextLength } = options
  const common = {
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(idleMs === undefined ? {} : { idleMs }),
  }
  if (kind !== 'ollama')
    return new OpenAiEngine({ ...common, baseUrl: `${root}/v1`, program: kind })
  return new OllamaEngine({
    ...common,
    url: root,
    ...(keepAlive === undefined ? {} : { keepAlive }),
    ...(contextLength === undefined ? {} : { contextLength }),
  })
}
