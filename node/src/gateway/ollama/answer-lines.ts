import {
  isJsonObject,
  type JsonObject,
  numberIn,
  parseJsonObject,
  stringIn,
} from '../../engine/json.ts'

/** Which of Ollama's two shapes an answer has. */
export type Shape = 'chat' | 'generate'

export interface AnswerLinesOptions {
  /** As the client called it. */
  readonly model: string
  readonly shape: Shape
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

const NANOSECONDS = 1e6

/** Turns OpenAI's chunks into the lines that Ollama answers with. */
export class AnswerLines {
  readonly #options: AnswerLinesOptions
  readonly #began: number
  readonly #calls: { id: string; name: string; arguments: string }[] = []
  #first: number | undefined
  #reason: string | undefined
  #usage: JsonObject | undefined

  constructor(options: AnswerLinesOptions) {
    this.#options = options
    this.#began = options.now()
  }

  /** Lines for a chunk; none for one that says nothing yet. */
  add(chunk: JsonObject): JsonObject[] {
    if (isJsonObject(chunk.usage)) this.#usage = chunk.usage
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined
    if (!isJsonObject(choice)) return []
    this.#reason = stringIn(choice, 'finish_reason') ?? this.#reason
    const delta = isJsonObject(choice.delta) ? choice.delta : choice
    const thinking = stringIn(delta, 'reasoning') ?? stringIn(delta, 'reasoning_content') ?? ''
    const content = stringIn(delta, 'content') ?? stringIn(delta, 'text') ?? ''
    if (Array.isArray(delta.tool_calls)) this.#gather(delta.tool_calls)
    if (content === '' && thinking === '') return []
    this.#first ??= this.#options.now()
    const logprobs = isJsonObject(choice.logprobs) ? choice.logprobs.content : undefined
    return [this.#line({ content, thinking }, { done: false, ...(logprobs ? { logprobs } : {}) })]
  }

  /** The last lines; `undefined` for an answer that broke off. */
  end(): JsonObject[] | undefined {
    if (this.#reason === undefined) return undefined
    const { now } = this.#options
    const ended = now()
    const first = this.#first ?? ended
    const calls = this.#calls.map(({ id, name, arguments: given }) => ({
      ...(id === '' ? {} : { id }),
      function: { name, arguments: parseJsonObject(given) ?? {} },
    }))
    // Whole calls come before the end, as from Ollama itself.
    const called = calls.length === 0 ? [] : [this.#line({ tool_calls: calls }, { done: false })]
    return [
      ...called,
      this.#line(
        {},
        {
          done: true,
          done_reason: this.#reason === 'length' ? 'length' : 'stop',
          total_duration: Math.round((ended - this.#began) * NANOSECONDS),
          load_duration: 0,
          prompt_eval_count: numberIn(this.#usage, 'prompt_tokens') ?? 0,
          prompt_eval_duration: Math.round((first - this.#began) * NANOSECONDS),
          eval_count: numberIn(this.#usage, 'completion_tokens') ?? 0,
          eval_duration: Math.round((ended - first) * NANOSECONDS),
        },
      ),
    ]
  }

  #line(
    said: { content?: string; thinking?: string; tool_calls?: readonly JsonObject[] },
    rest: JsonObject,
  ): JsonObject {
    const { model, shape, clock } = this.#options
    const head = { model, created_at: new Date(clock()).toISOString() }
    const { content = '', thinking = '', tool_calls } = said
    const thought = thinking === '' ? {} : { thinking }
    if (shape === 'generate') return { ...head, response: content, ...thought, ...rest }
    const calls = tool_calls === undefined ? {} : { tool_calls }
    return { ...head, message: { role: 'assistant', content, ...thought, ...calls }, ...rest }
  }

  #gather(deltas: readonly unknown[]): void {
    for (const delta of deltas) {
      if (!isJsonObject(delta)) continue
      const at = numberIn(delta, 'index') ?? this.#calls.length
      this.#calls[at] ??= { id: '', name: '', arguments: '' }
      const call = this.#calls[at]
      call.id = stringIn(delta, 'id') ?? call.id
      call.name += stringIn(delta.function, 'name') ?? ''
      call.arguments += stringIn(delta.function, 'arguments') ?? ''
    }
  }
}

/** All lines as the one document that a client gets who does not want a stream. */
export function joinLines(lines: readonly JsonObject[], shape: Shape): JsonObject {
  const last = lines.at(-1) ?? {}
  const text = (field: string) =>
    lines.map((line) => stringIn(shape === 'chat' ? line.message : line, field) ?? '').join('')
  const thinking = text('thinking')
  const thought = thinking === '' ? {} : { thinking }
  if (shape === 'generate') return { ...last, response: text('response'), ...thought }
  const calls = lines.flatMap(({ message }) =>
    isJsonObject(message) && Array.isArray(message.tool_calls) ? message.tool_calls : [],
  )
  return {
    ...last,
    message: {
      role: 'assistant',
      content: text('content'),
      ...thought,
      ...(calls.length === 0 ? {} : { tool_calls: calls as unknown[] }),
    },
  }
}
