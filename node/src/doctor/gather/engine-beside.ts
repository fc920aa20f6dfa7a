import { type Engine, OpenAiEngine } from '../../engine/index.ts'
import { isNarrower, scopeOfHost } from '../address-scope.ts'

export interface EngineAccess {
  readonly engine: string
  readonly engineUrl: string
  readonly engineApiKey: string | undefined
}

/** The engine, when it is a server that can be asked beside the daemon; the built-in one lives in the daemon alone. */
export function openBeside(access: EngineAccess): Engine | undefined {
  const { engine, engineUrl, engineApiKey } = access
  if (engine === 'builtin') return undefined
  return new OpenAiEngine({
    baseUrl: engineUrl,
    ...(engineApiKey === undefined ? {} : { apiKey: engineApiKey }),
  })
}

/** Whether a request there costs nothing but the owner's own power: a server far away may send a bill. */
export function isNear({ engineUrl }: EngineAccess): boolean {
  return isNarrower(scopeOfHost(new URL(engineUrl).hostname), 'public')
}
