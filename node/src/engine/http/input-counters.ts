import type { EngineRequest } from '../engine.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { parseChatBody } from '../openai-request.ts'
import type { EngineHttp } from './engine-http.ts'
import type { OpenAiProgram } from './programs.ts'
import { countIn } from './token-tally.ts'

/**
 * Input tokens of a request as the engine will count them; `undefined` for a request that its tokenizer route cannot
 * count, such as one with images.
 *
 * @throws {EngineError} the engine cannot be asked, or refuses the prompt
 */
export type InputCounter = (request: EngineRequest) => Promise<number | undefined>

// A tokenizer reads some 10 MB of text a second; a prompt is at most 16 MiB.
const COUNT_MS = 10_000

/** Texts to embed are counted one by one; a longer list costs more than it tells. */
const TEXTS_MAX = 32

/** Programs that can be asked. LM Studio and Ollama have no such route; LocalAI's knows no chat template. */
export function inputCounterOf(
  program: OpenAiProgram,
  http: EngineHttp,
  root: string,
): InputCounter | undefined {
  const ask = async (path: string, body: JsonObject): Promise<JsonObject> =>
    await http.json(root + path, { body, ms: COUNT_MS })
  switch (program) {
    case 'vllm':
      return countBy({
        chat: async (body, model) =>
          countIn(await ask('/tokenize', { ...vllmChat(body), model }), 'count'),
        text: async (prompt, body, model) => {
          const special = body.add_special_tokens === false ? { add_special_tokens: false } : {}
          return countIn(await ask('/tokenize', { model, prompt, ...special }), 'count')
        },
        // Fields of a chat that change the prompt and that /tokenize does not take.
        unknown: ['documents', 'reasoning_effort', 'truncate_prompt_tokens', 'prompt_embeds'],
      })
    case 'llama.cpp': {
      const text = async (content: string, _body: JsonObject, model: string) =>
        lengthIn(
          await ask('/tokenize', { model, content, add_special: true, parse_special: true }),
          'tokens',
        )
      return countBy({
        // The server makes the prompt of the whole body, as it does of the request itself.
        chat: async (body, model) => {
          const prompt = stringIn(await ask('/apply-template', { ...body, model }), 'prompt')
          return prompt === undefined ? undefined : await text(prompt, body, model)
        },
        text,
        unknown: ['input_prefix', 'input_suffix'],
      })
    }
    case 'tgi':
      return countBy({
        chat: async (body, model) =>
          lengthIn(await ask('/chat_tokenize', { ...body, model }), 'tokenize_response'),
        text: async (inputs) => {
          const tokens: unknown = JSON.parse(
            new TextDecoder().decode(
              await http.document(`${root}/tokenize`, { body: { inputs }, ms: COUNT_MS }),
            ),
          )
          return Array.isArray(tokens) ? tokens.length : undefined
        },
        unknown: [],
      })
    case 'lm-studio':
    case 'localai':
    case 'openai':
      return undefined
  }
}

interface CountingRules {
  readonly chat: (body: JsonObject, model: string) => Promise<number | undefined>
  readonly text: (text: string, body: JsonObject, model: string) => Promise<number | undefined>
  /** With one of these fields in the body, the route would count another prompt than the one that runs. */
  readonly unknown: readonly string[]
}

function countBy({ chat, text, unknown }: CountingRules): InputCounter {
  return async (request) => {
    const body = parseChatBody(request.body)
    if (unknown.some((field) => (body[field] ?? null) !== null)) return undefined
    if (request.kind === 'chat')
      return isPlainChat(body) ? await chat(body, request.model) : undefined
    const source = request.kind === 'completion' ? body.prompt : body.input
    if ((body.suffix ?? null) !== null) return undefined
    const texts = Array.isArray(source) ? source : [source]
    if (isTokenIds(texts)) return texts.length
    if (texts.length > TEXTS_MAX) return undefined
    let tokens = 0
    for (const item of texts) {
      const count = typeof item === 'string' ? await text(item, body, request.model) : idsIn(item)
      if (count === undefined) return undefined
      tokens += count
    }
    return tokens
  }
}

/** Images and sounds become tokens that no tokenizer route counts. */
function isPlainChat({ messages }: JsonObject): boolean {
  if (!Array.isArray(messages)) return false
  return messages.every((message) => {
    const content = isJsonObject(message) ? message.content : undefined
    if (!Array.isArray(content)) return true
    return content.every((part) => typeof part === 'string' || stringIn(part, 'type') === 'text')
  })
}

function vllmChat(body: JsonObject): JsonObject {
  const fields = [
    'messages',
    'tools',
    'add_generation_prompt',
    'continue_final_message',
    'add_special_tokens',
    'chat_template',
    'chat_template_kwargs',
  ]
  return Object.fromEntries(
    fields.flatMap((field) => ((body[field] ?? null) === null ? [] : [[field, body[field]]])),
  )
}

function isTokenIds(list: readonly unknown[]): boolean {
  return list.length > 0 && list.every((item) => typeof item === 'number')
}

function idsIn(item: unknown): number | undefined {
  return Array.isArray(item) && isTokenIds(item) ? item.length : undefined
}

function lengthIn(object: JsonObject, key: string): number | undefined {
  const list = object[key]
  return Array.isArray(list) ? list.length : undefined
}
