import type { EngineModel } from '../engine.ts'
import { isJsonObject, type JsonObject, numberIn, stringIn } from '../json.ts'
import type { OpenAiProgram } from './programs.ts'
import { countIn } from './token-tally.ts'

/** What a program says of itself and its models beside the list of `/v1/models`. */
export interface ProgramFacts {
  readonly program: OpenAiProgram
  /** llama.cpp's `/props`, TGI's `/info`, LM Studio's `/api/v0/models`. */
  readonly extra: JsonObject | undefined
  /** Tokens of context to assume of a model whose server does not tell. */
  readonly assumedContextLength: number
}

/** Where the extra facts of a program are, under its root. */
export const EXTRA_FACTS: Partial<Record<OpenAiProgram, string>> = {
  'llama.cpp': '/props',
  tgi: '/info',
  'lm-studio': '/api/v0/models',
}

/** The models of an entry list, as far as the entries are such. */
export function modelsOf(entries: readonly unknown[], facts: ProgramFacts): EngineModel[] {
  return entries.flatMap((entry) => {
    const id = stringIn(entry, 'id')
    return id === undefined || !isJsonObject(entry) ? [] : [modelOf(id, entry, facts)]
  })
}

function modelOf(id: string, entry: JsonObject, facts: ProgramFacts): EngineModel {
  const { program, extra, assumedContextLength } = facts
  const own = program === 'lm-studio' ? lmStudioEntry(extra, id) : undefined
  const slots = program === 'llama.cpp' ? countIn(extra, 'total_slots') : undefined
  return {
    id,
    contextLength: contextOf(entry, facts, own) ?? assumedContextLength,
    digest: null,
    quantization: stringIn(own, 'quantization') ?? quantizationIn(id) ?? null,
    capabilities: capabilitiesOf(id, facts, own),
    sizeBytes: numberIn(entry.meta, 'size') ?? null,
    parameters: numberIn(entry.meta, 'n_params') ?? null,
    slots: slots ?? null,
    // A server may change its build or its batching while it runs, and then the bytes: none is promised.
    reproducible: null,
  }
}

function contextOf(
  entry: JsonObject,
  { program, extra }: ProgramFacts,
  own: JsonObject | undefined,
): number | undefined {
  if (program === 'llama.cpp') {
    // What one slot has. The model's own length, which is listed too, may be many times of it.
    const slot = countIn(extra?.default_generation_settings, 'n_ctx')
    if (slot !== undefined && slot > 0) return slot
  }
  if (program === 'tgi') {
    const total = countIn(extra, 'max_total_tokens')
    if (total !== undefined) return total
  }
  // In turn: vLLM, OpenRouter and others, Groq, llama.cpp, LM Studio.
  return (
    countIn(entry, 'max_model_len') ??
    countIn(entry, 'context_length') ??
    countIn(entry, 'context_window') ??
    countIn(entry.meta, 'n_ctx') ??
    countIn(entry.meta, 'n_ctx_train') ??
    countIn(own, 'loaded_context_length')
  )
}

function capabilitiesOf(
  id: string,
  { program, extra }: ProgramFacts,
  own: JsonObject | undefined,
): string[] {
  const type = stringIn(own, 'type')
  // Other programs do not tell what a model is for, but no model for chats is called so.
  if (type === 'embeddings' || (type === undefined && /embed/iu.test(id))) return ['embedding']
  const vision =
    type === 'vlm' ||
    (program === 'llama.cpp' && isJsonObject(extra?.modalities) && extra.modalities.vision === true)
  const tools = Array.isArray(own?.capabilities) && own.capabilities.includes('tool_use')
  const logprobs = program === 'vllm' || program === 'llama.cpp' || program === 'tgi'
  // By grammars of their own; of others it depends on what stands behind them.
  const structured = program === 'vllm' || program === 'llama.cpp'
  // They leave a last message of the assistant open: vLLM when it is told to, llama.cpp by itself.
  const continues = program === 'vllm' || program === 'llama.cpp'
  return [
    'chat',
    'completion',
    ...(tools ? ['tools'] : []),
    ...(vision ? ['vision'] : []),
    ...(logprobs ? ['logprobs'] : []),
    ...(structured ? ['structured'] : []),
    ...(continues ? ['continuation'] : []),
  ]
}

function lmStudioEntry(extra: JsonObject | undefined, id: string): JsonObject | undefined {
  const list: unknown[] = Array.isArray(extra?.data) ? extra.data : []
  const found = list.find((entry) => stringIn(entry, 'id') === id)
  return isJsonObject(found) ? found : undefined
}

/** As it stands at the end of a GGUF file's name, or between its dots. */
function quantizationIn(id: string): string | undefined {
  return /[-._](I?Q\d\w*|F16|BF16|F32|AWQ|GPTQ|FP8|NVFP4|MXFP4)(?:[-._]gguf)?$/iu
    .exec(id)?.[1]
    ?.toUpperCase()
}
