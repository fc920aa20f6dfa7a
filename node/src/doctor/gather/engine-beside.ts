import { detectEngines, type Engine, openDetectedEngine, openEngine } from '../../engine/index.ts'
import { isNarrower, scopeOfHost } from '../address-scope.ts'

export interface EngineAccess {
  readonly engine: 'auto' | 'builtin' | 'openai' | 'ollama'
  readonly engineUrl: string | undefined
  readonly engineUrls: readonly string[]
  readonly engineApiKey: string | undefined
}

export interface EngineBeside {
  readonly engine: Engine
  /** Whether a request there costs only the owner’s own power: a server far away may send a bill. */
  readonly near: boolean
}

const OLLAMA_URL = 'http://127.0.0.1:11434'

/** The engines that can be asked beside the daemon; the built-in one lives in the daemon alone. */
export async function openBeside(access: EngineAccess): Promise<readonly EngineBeside[]> {
  const { engine, engineUrl, engineUrls, engineApiKey: apiKey } = access
  switch (engine) {
    case 'builtin':
      return []
    case 'openai':
    case 'ollama': {
      const url = engineUrl ?? OLLAMA_URL
      return [{ engine: openEngine(engine, url, { apiKey }), near: isNear(url) }]
    }
    case 'auto': {
      const urls = [...(engineUrl === undefined ? [] : [engineUrl]), ...engineUrls]
      const found = await detectEngines({ urls, apiKey, ollamaHost: process.env.OLLAMA_HOST })
      return found.map((one) => ({
        engine: openDetectedEngine(one, { apiKey }),
        near: isNear(one.url),
      }))
    }
  }
}

function isNear(url: string): boolean {
  return isNarrower(scopeOfHost(new URL(url).hostname), 'public')
}
