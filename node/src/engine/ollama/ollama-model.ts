import type { EngineModel } from '../engine.ts'
import { countIn } from '../http/token-tally.ts'
import { isJsonObject, type JsonObject, numberIn, stringIn } from '../json.ts'
import { canonicalName } from './canonical-name.ts'

/** A model as this engine runs it. */
export interface OllamaModel extends EngineModel {
  /** Whether it can be told how long to think. */
  readonly thinks: boolean
}

/** What Ollama says of a model in `/api/tags`, `/api/show` and, while it is loaded, `/api/ps`. */
export interface OllamaWords {
  readonly tag: JsonObject
  readonly show: JsonObject
  readonly loaded: JsonObject | undefined
}

export interface OllamaModelOptions {
  /** Tokens of context to run every model with; Ollama's own choice when left out. */
  readonly contextLength: number | undefined
  readonly version: OllamaVersion
}

/**
 * What Ollama runs a model with that says nothing of its context. Newer versions take more where there is much VRAM;
 * they still take what a request says.
 */
const DEFAULT_CONTEXT_LENGTH = 4096

export function ollamaModel(
  id: string,
  words: OllamaWords,
  options: OllamaModelOptions,
): OllamaModel {
  const { tag, show } = words
  const info = isJsonObject(show.model_info) ? show.model_info : {}
  const details = isJsonObject(show.details) ? show.details : tag.details
  const quantization = stringIn(details, 'quantization_level') ?? null
  const capabilities = capabilitiesOf(show, details, options.version)
  const name = canonicalName(id, info, quantization)
  return {
    id,
    contextLength: contextOf(words, info, options.contextLength),
    digest: weightsDigest(stringIn(show, 'modelfile') ?? ''),
    quantization: quantization === 'unknown' ? null : quantization,
    capabilities,
    sizeBytes: numberIn(tag, 'size') ?? null,
    parameters: countIn(info, 'general.parameter_count') ?? null,
    // OLLAMA_NUM_PARALLEL cannot be asked for.
    slots: null,
    reproducible: null,
    ...(name === undefined ? {} : { marketName: name }),
    thinks: capabilities.includes('reasoning'),
  }
}

/** A model that Ollama passes on to its maker's cloud: a prompt to it would leave this machine, and its country. */
export function isRemote(words: JsonObject): boolean {
  const name = stringIn(words, 'model') ?? stringIn(words, 'name') ?? ''
  return (
    (stringIn(words, 'remote_host') ?? stringIn(words, 'remote_model') ?? '') !== '' ||
    /[:-]cloud$/u.test(name)
  )
}

/**
 * The context to offer, which every request then names as `num_ctx`. It is the one that Ollama has for the model anyway,
 * because a request with another one makes it load the model again, also for the owner's other programs.
 */
function contextOf(
  { show, loaded }: OllamaWords,
  info: JsonObject,
  wanted: number | undefined,
): number {
  const own = /^num_ctx\s+(\d{1,9})\s*$/mu.exec(stringIn(show, 'parameters') ?? '')?.[1]
  const running = countIn(loaded, 'context_length') ?? 0
  const chosen =
    wanted ?? (own === undefined ? Math.max(DEFAULT_CONTEXT_LENGTH, running) : Number(own))
  const architecture = stringIn(info, 'general.architecture') ?? ''
  // More than the model was trained with is cut down by Ollama without a word.
  const trained = countIn(info, `${architecture}.context_length`) ?? chosen
  return Math.max(1, Math.min(chosen, trained))
}

function capabilitiesOf(show: JsonObject, details: unknown, version: OllamaVersion): string[] {
  const told: readonly unknown[] = Array.isArray(show.capabilities)
    ? show.capabilities
    : [/bert/u.test(stringIn(details, 'family') ?? '') ? 'embedding' : 'completion']
  const talks = told.includes('completion')
  return [
    ...(talks ? ['chat', 'completion'] : []),
    ...(told.includes('embedding') ? ['embedding'] : []),
    ...(told.includes('tools') ? ['tools'] : []),
    ...(told.includes('vision') ? ['vision'] : []),
    ...(told.includes('thinking') ? ['reasoning'] : []),
    ...(talks && isAtLeast(version, LOGPROBS_SINCE) ? ['logprobs'] : []),
    ...(talks && isAtLeast(version, SCHEMAS_SINCE) ? ['structured'] : []),
    ...(talks && leavesAnswerOpen(stringIn(show, 'template') ?? '') ? ['continuation'] : []),
  ]
}

/**
 * Whether a last message of the assistant is left open, so that the model goes on with it. Ollama cuts a template of prompt and
 * response at the response, and its own renderers do as much; one that writes all messages has to look for the last one.
 */
function leavesAnswerOpen(template: string): boolean {
  return !template.includes('.Messages') || template.includes('$last')
}

/**
 * The hash of the weights' own bytes: the blob of the first FROM line, which is the GGUF file as its publisher made it.
 * The `digest` of `/api/tags` is of Ollama's manifest, which changes with a template or a licence, and no other engine
 * could have the same. With an adapter on top, the blob is not what runs.
 */
export function weightsDigest(modelfile: string): string | null {
  if (/^ADAPTER\s/mu.test(modelfile)) return null
  const hex = /^FROM\s+\S*sha256[-:]([0-9a-f]{64})\s*$/mu.exec(modelfile)?.[1]
  return hex === undefined ? null : `sha256:${hex}`
}

export type OllamaVersion = readonly [major: number, minor: number, patch: number]

/** Since then a prompt that does not fit is refused when asked for, and before it is cut. */
export const REFUSES_OVERLONG_SINCE: OllamaVersion = [0, 12, 6]
export const SCHEMAS_SINCE: OllamaVersion = [0, 5, 0]
export const LOGPROBS_SINCE: OllamaVersion = [0, 12, 11]

/** `0.0.0`, which is what a build from source says of itself, is as good as the newest. */
export function versionOf(text: string): OllamaVersion {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/u.exec(text)
  const version = [
    Number(match?.[1] ?? 0),
    Number(match?.[2] ?? 0),
    Number(match?.[3] ?? 0),
  ] as const
  return version.every((part) => part === 0) ? [Number.MAX_SAFE_INTEGER, 0, 0] : version
}

export function isAtLeast(version: OllamaVersion, since: OllamaVersion): boolean {
  for (const [index, part] of version.entries()) {
    const other = since[index] ?? 0
    if (part !== other) return part > other
  }
  return true
}
