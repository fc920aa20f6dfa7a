import { isJsonObject, type JsonObject, numberIn } from '../../engine/json.ts'

/** Ollama's options, and what they are called here. What concerns the machine alone (`num_ctx`, `num_gpu` …) is the provider's. */
const OPTIONS: readonly (readonly [theirs: string, ours: string])[] = [
  ['temperature', 'temperature'],
  ['top_p', 'top_p'],
  ['top_k', 'top_k'],
  ['min_p', 'min_p'],
  ['typical_p', 'typical_p'],
  ['seed', 'seed'],
  ['stop', 'stop'],
  ['frequency_penalty', 'frequency_penalty'],
  ['presence_penalty', 'presence_penalty'],
  // vLLM's name, and llama.cpp's.
  ['repeat_penalty', 'repetition_penalty'],
  ['repeat_penalty', 'repeat_penalty'],
]

/** How an answer is to be made: sampling, length, format and thinking, as OpenAI's API and its engines name them. */
export function samplingOf(request: JsonObject): JsonObject {
  const options = isJsonObject(request.options) ? request.options : {}
  const sampling = Object.fromEntries(
    OPTIONS.flatMap(([theirs, ours]) =>
      (options[theirs] ?? null) === null ? [] : [[ours, options[theirs]]],
    ),
  )
  // Below zero is “as long as it takes”.
  const most = numberIn(options, 'num_predict')
  return {
    ...sampling,
    ...(most !== undefined && most > 0 ? { max_tokens: most } : {}),
    ...formatOf(request.format),
    ...thinkingOf(request.think),
    ...(request.logprobs === true ? { logprobs: true } : {}),
    ...(request.top_logprobs === undefined ? {} : { top_logprobs: request.top_logprobs }),
  }
}

function formatOf(format: unknown): JsonObject {
  if (format === 'json') return { response_format: { type: 'json_object' } }
  if (!isJsonObject(format)) return {}
  return {
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: format } },
  }
}

/** Each family of engines has its own switch; those that know none of them do as they always do. */
function thinkingOf(think: unknown): JsonObject {
  if (typeof think === 'string') return { reasoning_effort: think }
  if (typeof think !== 'boolean') return {}
  return {
    chat_template_kwargs: { enable_thinking: think },
    ...(think ? {} : { reasoning_effort: 'none' }),
  }
}
