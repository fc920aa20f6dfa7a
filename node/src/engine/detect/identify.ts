import { type OpenAiProgram, PROGRAM_NAMES } from '../http/programs.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { isRemote } from '../ollama/ollama-model.ts'

export type EngineKind = OpenAiProgram | 'ollama'

/** What a server answered to one harmless GET. */
export interface ProbeAnswer {
  readonly status: number
  readonly server: string
  readonly text: string
  readonly json: JsonObject | undefined
}

/** By path; those that were not answered are missing. */
export type ProbeAnswers = ReadonlyMap<string, ProbeAnswer>

/** Asked first, of whatever listens on a port; a server that has no such route, or wants a key, still says so. */
export const FIRST_PROBE = '/v1/models'

/** Asked of who answered that. All are read-only routes of engines, and at worst a 404 elsewhere. */
export const FURTHER_PROBES = [
  '/',
  '/healthz',
  '/version',
  '/api/version',
  '/api/v0/models',
  '/props',
  '/info',
  '/system',
] as const

export interface Identity {
  readonly kind: EngineKind
  readonly name: string
  /** `null` when the program does not tell. */
  readonly version: string | null
  /** It keeps its models to who has its key. */
  readonly needsKey: boolean
  /** The ids of its models on this machine, as it lists them. */
  readonly models: readonly string[]
}

/**
 * Which engine answers like this, going by what no other program says.
 *
 * @returns `undefined` when it is none, or Hanse's own gateway: a provider must not sell what it buys
 */
export function identify(answers: ProbeAnswers): Identity | undefined {
  if (isGateway(answers)) return undefined
  const found = programOf(answers)
  if (found === undefined) return undefined
  const status = answers.get(FIRST_PROBE)?.status
  return {
    ...found,
    name: PROGRAM_NAMES[found.kind],
    needsKey: status === 401 || status === 403,
    models: entriesOf(answers)
      .flatMap((entry) => stringIn(entry, 'id') ?? [])
      .filter((id) => found.kind !== 'ollama' || !isRemote({ name: id })),
  }
}

function programOf(answers: ProbeAnswers): Pick<Identity, 'kind' | 'version'> | undefined {
  const owners = new Set(entriesOf(answers).map((entry) => stringIn(entry, 'owned_by')))
  const props = jsonAt(answers, '/props')
  const info = jsonAt(answers, '/info')
  const version = stringIn(jsonAt(answers, '/version'), 'version') ?? null
  // Other programs answer Ollama's routes, too, but none introduces itself so.
  if (answers.get('/')?.text.trim() === 'Ollama is running')
    return { kind: 'ollama', version: stringIn(jsonAt(answers, '/api/version'), 'version') ?? null }
  const server = answers.get(FIRST_PROBE)?.server ?? ''
  if (
    isJsonObject(props?.default_generation_settings) ||
    owners.has('llamacpp') ||
    server === 'llama.cpp'
  )
    return { kind: 'llama.cpp', version: stringIn(props, 'build_info') ?? null }
  if (stringIn(info, 'model_id') !== undefined && info?.max_total_tokens !== undefined)
    return { kind: 'tgi', version: stringIn(info, 'version') ?? null }
  if (isLmStudio(answers)) return { kind: 'lm-studio', version: null }
  if (Array.isArray(jsonAt(answers, '/system')?.loaded_models)) return { kind: 'localai', version }
  // A vLLM that wants a key shows no models, but its version to everybody.
  const closed =
    answers.get(FIRST_PROBE)?.status === 401 && server === 'uvicorn' && version !== null
  if (owners.has('vllm') || closed) return { kind: 'vllm', version }
  return Array.isArray(jsonAt(answers, FIRST_PROBE)?.data) ? { kind: 'openai', version } : undefined
}

/** By its list, its health, or the code of its refusal. */
function isGateway(answers: ProbeAnswers): boolean {
  const refusal = answers.get(FIRST_PROBE)?.json?.error
  const codes = [stringIn(refusal, 'code'), stringIn(refusal, 'type')]
  return (
    typeof jsonAt(answers, '/healthz')?.peerId === 'string' ||
    entriesOf(answers).some((entry) => isJsonObject(entry) && entry.hanse !== undefined) ||
    codes.some((code) => code?.startsWith('HANSE_') === true)
  )
}

function isLmStudio(answers: ProbeAnswers): boolean {
  const list = jsonAt(answers, '/api/v0/models')?.data
  if (!Array.isArray(list)) return false
  return (
    list.length === 0 || list.some((entry) => isJsonObject(entry) && 'compatibility_type' in entry)
  )
}

function entriesOf(answers: ProbeAnswers): unknown[] {
  const data = jsonAt(answers, FIRST_PROBE)?.data
  return Array.isArray(data) ? data : []
}

function jsonAt(answers: ProbeAnswers, path: string): JsonObject | undefined {
  const answer = answers.get(path)
  return answer?.status === 200 ? answer.json : undefined
}
