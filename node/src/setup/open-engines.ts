import { join } from 'node:path'
import {
  BuiltInEngine,
  type BuiltInEngineOptions,
  type BuiltInModel,
  type DetectedEngine,
  detectEngines,
  type Engine,
  EngineSet,
  modelsOfFiles,
  openDetectedEngine,
  openEngine,
  openEngineAt,
} from '../engine/index.ts'
import { storedModels } from '../models/index.ts'

/** The settings that decide which engines a provider uses. */
export interface EngineSettings {
  readonly engine: 'auto' | 'builtin' | 'openai' | 'ollama'
  readonly engineUrl: string | undefined
  readonly engineUrls: readonly string[]
  readonly engineApiKey: string | undefined
  readonly engineIdleMs: number
  readonly ollamaKeepAlive: string | undefined
  readonly ollamaContext: number | undefined
  readonly modelFiles: readonly string[]
  readonly modelsDir: string
  readonly dataDir: string
  readonly slots: number
  readonly contextLength: number | undefined
  readonly threads: number | undefined
  readonly gpu: NonNullable<BuiltInEngineOptions['gpu']>
  readonly idleUnloadMs: number
  readonly loadAtStart: boolean
}

export interface OpenedEngines {
  readonly set: EngineSet
  /** Engines of other programs that run on this machine, or where the owner said. */
  readonly found: readonly DetectedEngine[]
  /** Only the small model that comes with this program is there. */
  readonly onlyDemonstration: boolean
}

const OLLAMA_URL = 'http://127.0.0.1:11434'

/**
 * Opens the engine that the settings name, or all that can be found on this machine.
 *
 * @throws {HanseError} when the built-in engine cannot run any of its models
 * @throws {EngineError} HANSE_ENGINE_UNAVAILABLE when a named engine does not answer
 */
export async function openEngines(
  settings: EngineSettings,
  onNotice: NonNullable<BuiltInEngineOptions['onNotice']>,
): Promise<OpenedEngines> {
  await using stack = new AsyncDisposableStack()
  const opened = <Opened extends Engine>(engine: Opened): Opened => stack.use(engine)
  const http = {
    apiKey: settings.engineApiKey,
    idleMs: settings.engineIdleMs,
    keepAlive: settings.ollamaKeepAlive,
    contextLength: settings.ollamaContext,
  }
  const { engine, engineUrl } = settings
  const found: DetectedEngine[] = []
  const engines: Engine[] = []
  if (engine === 'openai') engines.push(opened(await openEngineAt(engineUrl ?? OLLAMA_URL, http)))
  if (engine === 'ollama') engines.push(opened(openEngine('ollama', engineUrl ?? OLLAMA_URL, http)))
  if (engine === 'auto') {
    const urls = [...(engineUrl === undefined ? [] : [engineUrl]), ...settings.engineUrls]
    const { OLLAMA_HOST: ollamaHost } = process.env
    found.push(...(await detectEngines({ urls, ollamaHost, apiKey: settings.engineApiKey })))
    engines.push(...found.map((each) => opened(openDetectedEngine(each, http))))
  }
  const own = engine === 'openai' || engine === 'ollama' ? [] : await ownModels(settings)
  const onlyDemonstration = engines.length === 0 && own.length === 0
  if (onlyDemonstration) own.push(...modelsOfFiles([]))
  if (own.length > 0) engines.push(opened(await openBuiltIn(settings, own, onNotice)))
  const set = new EngineSet(engines)
  stack.move()
  return { set, found, onlyDemonstration }
}

/** GGUF files that the owner has named or pulled. */
async function ownModels({ modelFiles, modelsDir }: EngineSettings): Promise<BuiltInModel[]> {
  const named = modelFiles.length === 0 ? [] : modelsOfFiles(modelFiles)
  const pulled = (await storedModels(modelsDir)).map(({ name, path, digest }) => ({
    id: name,
    path,
    digest,
  }))
  const names = new Set(named.map(({ id }) => id))
  return [...named, ...pulled.filter(({ id }) => !names.has(id))]
}

async function openBuiltIn(
  settings: EngineSettings,
  models: readonly BuiltInModel[],
  onNotice: NonNullable<BuiltInEngineOptions['onNotice']>,
): Promise<BuiltInEngine> {
  const { slots, contextLength, threads, gpu, idleUnloadMs, loadAtStart, dataDir } = settings
  return await BuiltInEngine.open({
    models,
    slots,
    gpu,
    idleUnloadMs,
    loadAtStart,
    onNotice,
    digestFolder: join(dataDir, 'digests'),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(threads === undefined ? {} : { threads }),
  })
}
