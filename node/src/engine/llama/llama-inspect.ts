import { createHash } from 'node:crypto'
import type { GgufFileInfo, GgufInsights, Llama } from 'node-llama-cpp'
import type { EngineModel } from '../engine.ts'
import { rememberedDigestOf } from './digest-cache.ts'
import { modelFileError, readGguf, stampOf } from './gguf-file.ts'
import { type ContextNeed, contextLengths } from './memory-plan.ts'
import type { GpuChoice, Inspection, ModelSpec } from './model-spec.ts'

export type NodeLlamaCpp = typeof import('node-llama-cpp')

/** A model that has been looked at, and can be loaded. */
export interface Inspected extends Inspection {
  readonly library: NodeLlamaCpp
  readonly llama: Llama
  readonly spec: ModelSpec
  readonly threads: number
}

// Memory for the context grows with it; a model's own length can be a million.
const DEFAULT_CONTEXT_MAX = 4096

/** Below it a chat has hardly begun: better no offer than such a one. */
const LEAST_CONTEXT = 1024

/** For models that were made to generate, and embed as well: as much as most models for embedding take. */
export const EMBEDDING_TOKENS = 512

/** Smaller models compute faster than threads can meet: 900 tokens/s with one, below 100 with two on busy cores. */
const ONE_THREAD_PARAMETERS = 100e6

/** Architectures that only encode. */
const ENCODERS = /bert|^t5encoder$|embedding/u

/** Reads a model's file, without loading its weights. @throws {HanseError} HANSE_MODEL_FILE */
export async function inspectModel(spec: ModelSpec): Promise<Inspected> {
  // First what is quick: a missing file must not wait for the library, nor a damaged one for its digest.
  const stamp = await stampOf(spec.path)
  const info = await readGguf(spec.path)
  // Imported here: it takes 0.4 s and 30 MB that only this engine needs.
  const library = await import('node-llama-cpp')
  const llama = await openLlama(library, spec.gpu)
  try {
    const insights = await library.GgufInsights.from(info, llama)
    if (!insights.isSupportedByLlamaCpp)
      throw modelFileError(spec.path, `is of a kind that llama.cpp cannot run (${kindOf(info)})`)
    const threads = threadsOf(spec, insights, llama)
    const contextLength = spec.contextLength ?? defaultContext(insights)
    const digest = spec.digest ?? (await rememberedDigestOf(spec.path, stamp, spec.digestFolder))
    const facts: EngineModel = {
      id: spec.id,
      contextLength,
      digest: `sha256:${digest}`,
      quantization: quantizationOf(library, info),
      capabilities: capabilitiesOf(info),
      sizeBytes: stamp.sizeBytes,
      parameters: insights.totalParameters,
      slots: spec.slots,
      reproducible: await reproducibleOn(library, llama, threads),
    }
    const need = await needOf(spec, insights, llama, contextLength)
    const vramFreeBytes = llama.gpu === false ? 0 : (await llama.getVramState()).free
    return { library, llama, spec, threads, facts, need, vramFreeBytes, digest }
  } catch (error) {
    await llama.dispose()
    throw error
  }
}

async function openLlama(library: NodeLlamaCpp, gpu: GpuChoice): Promise<Llama> {
  return await library.getLlama({
    gpu: gpu === 'cpu' ? false : gpu,
    build: 'never',
    logLevel: library.LlamaLogLevel.error,
    // No limit of all answers together: each has the threads that it was given.
    maxThreads: 0,
  })
}

function threadsOf(spec: ModelSpec, insights: GgufInsights, llama: Llama): number {
  if (spec.threads !== null) return spec.threads
  if (insights.totalParameters < ONE_THREAD_PARAMETERS) return 1
  // One core is left to the rest of the machine: threads wait for the slowest of them at every layer, and one that has
  // to share its core makes an answer ten times slower.
  return Math.max(1, Math.floor((llama.cpuMathCores - 1) / spec.slots))
}

function defaultContext(insights: GgufInsights): number {
  return Math.min(insights.trainContextSize ?? DEFAULT_CONTEXT_MAX, DEFAULT_CONTEXT_MAX)
}

async function needOf(
  spec: ModelSpec,
  insights: GgufInsights,
  llama: Llama,
  contextLength: number,
): Promise<Inspection['need']> {
  const modelGpuLayers = llama.gpu === false ? 0 : insights.totalLayers
  const weights = await insights.estimateModelResourceRequirementsV2({
    gpuLayers: modelGpuLayers,
    useMmap: true,
  })
  const contextNeed = async (contextSize: number, isEmbeddingContext: boolean) => {
    const { cpuRam, gpuVram } = await insights.estimateContextResourceRequirementsV2({
      contextSize,
      modelGpuLayers,
      sequences: 1,
      isEmbeddingContext,
    })
    return cpuRam + gpuVram
  }
  // An owner who says how long it must be does not get less.
  const lengths =
    spec.contextLength === null ? contextLengths(contextLength, LEAST_CONTEXT) : [contextLength]
  const contexts: ContextNeed[] = []
  for (const length of lengths) {
    const answering = await contextNeed(length, false)
    const embedding = await contextNeed(embeddingLength(insights.ggufFileInfo, length), true)
    contexts.push({ length, bytes: answering * spec.slots + embedding })
  }
  return { weightsBytes: weights.cpuRam + weights.gpuVram, contexts }
}

/** Tokens that one text to embed may have. */
export function embeddingLength(info: GgufFileInfo, contextLength: number): number {
  return isEncoder(info) ? contextLength : Math.min(contextLength, EMBEDDING_TOKENS)
}

export function isEncoder(info: GgufFileInfo): boolean {
  // Models such as Qwen3 Embedding have the architecture of a chat model, and say how to pool.
  const pooling: unknown = info.architectureMetadata.pooling_type
  return ENCODERS.test(kindOf(info)) || (typeof pooling === 'number' && pooling > 0)
}

function kindOf(info: GgufFileInfo): string {
  const kind: unknown = info.metadata.general?.architecture
  return typeof kind === 'string' ? kind.slice(0, 40) : 'not said'
}

function capabilitiesOf(info: GgufFileInfo): string[] {
  if (isEncoder(info)) return ['embedding']
  const template: unknown = info.metadata.tokenizer?.chat_template
  const chats = typeof template === 'string' ? ['chat', 'structured', 'continuation'] : []
  return [...chats, 'completion', 'embedding']
}

function quantizationOf({ GgufFileType }: NodeLlamaCpp, info: GgufFileInfo): string | null {
  const type: unknown = info.metadata.general?.file_type
  const name: unknown = typeof type === 'number' ? GgufFileType[type] : undefined
  return typeof name === 'string' ? name.replace(/^(?:MOSTLY|ALL)_/u, '') : null
}

/**
 * Names all that the bits of an answer depend on besides the model's file and the request: the library with its build
 * of llama.cpp, the instructions that the processor has (they choose the kernels), and the threads that share a sum.
 * What a GPU computes is not promised.
 */
async function reproducibleOn(
  library: NodeLlamaCpp,
  llama: Llama,
  threads: number,
): Promise<string | null> {
  if (llama.gpu !== false) return null
  const version = await library.getModuleVersion()
  const build = llama.buildType === 'prebuilt' ? '' : ' own build'
  const instructions = createHash('sha256').update(llama.systemInfo).digest('hex').slice(0, 8)
  const device = `cpu ${process.arch}-${instructions} threads ${threads}`
  return `node-llama-cpp ${version} llama.cpp ${llama.llamaCppRelease.release}${build} ${device}`
}
