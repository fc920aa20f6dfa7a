import type { Engine, EngineEvent, EngineRequest } from '../../engine/index.ts'
import { parseJsonObject } from '../../engine/json.ts'

/** Chunks as objects, or as bytes where they are to be none; an error breaks the answer. */
export type Script = (
  request: EngineRequest,
  signal: AbortSignal,
) => AsyncIterable<unknown> | Iterable<unknown>

export const MODEL = 'test/scripted'
export const INPUT_TOKENS = 5

/** Answers each request with the script that its `user`-visible text names; remembers what it was sent. */
export class ScriptedEngine implements Engine {
  readonly name = 'scripted'
  readonly bodies: Record<string, unknown>[] = []
  /** Answers that run now. */
  running = 0
  readonly #scripts = new Map<string, Script>()

  /** From now on a prompt of this text is answered so. */
  on(prompt: string, script: Script): void {
    this.#scripts.set(prompt, script)
  }

  readonly models: Engine['models'] = async () => [
    {
      id: MODEL,
      contextLength: 100_000,
      digest: `sha256:${'0'.repeat(64)}`,
      quantization: 'Q8_0',
      capabilities: [
        'chat',
        'completion',
        'embedding',
        'tools',
        'vision',
        'logprobs',
        'structured',
      ],
    },
  ]

  readonly health: Engine['health'] = async () => ({
    ready: true,
    message: 'ready',
    models: [{ id: MODEL, state: 'loaded' }],
  })

  readonly countInputTokens = async (): Promise<number> => INPUT_TOKENS

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    const body = parseJsonObject(request.body) ?? {}
    this.bodies.push({ ...body })
    const script = this.#scripts.get(promptOf(body)) ?? sayHello
    this.running++
    let outputTokens = 0
    try {
      yield [{ type: 'start', inputTokens: INPUT_TOKENS }]
      for await (const chunk of script(request, signal)) {
        signal.throwIfAborted()
        const payload = chunk instanceof Uint8Array ? chunk : encode(chunk)
        const tokens = worth(chunk)
        outputTokens += tokens
        yield [{ type: 'delta', tokens, payload }]
      }
      const usage = { inputTokens: INPUT_TOKENS, outputTokens, cachedInputTokens: 0 }
      yield [{ type: 'end', finishReason: 'stop', usage }]
    } finally {
      this.running--
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** One chunk of a chat. */
export function delta(fields: object, finish: string | null = null, more: object = {}): object {
  return { ...HEAD, choices: [{ index: 0, delta: fields, finish_reason: finish, ...more }] }
}

/** One chunk of a text completion. */
export function piece(text: string, finish: string | null = null, more: object = {}): object {
  const choice = { index: 0, text, finish_reason: finish, ...more }
  return { ...HEAD, object: 'text_completion', choices: [choice] }
}

export function usage(output: number, more: object = {}): object {
  const counts = { prompt_tokens: INPUT_TOKENS, completion_tokens: output }
  return {
    ...HEAD,
    choices: [],
    usage: { ...counts, total_tokens: INPUT_TOKENS + output, ...more },
  }
}

/** A chat of these words, as engines send it. */
export function* saying(...words: readonly string[]): Generator<object> {
  yield delta({ role: 'assistant', content: '' })
  for (const content of words) yield delta({ content })
  yield delta({}, 'stop')
  yield usage(words.length)
}

const HEAD = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: MODEL,
}

const sayHello: Script = ({ kind }) =>
  kind === 'chat' ? saying('Hel', 'lo') : [piece('Hel'), piece('lo', 'stop'), usage(2)]

function promptOf(body: Record<string, unknown>): string {
  const messages: unknown = body.messages ?? body.prompt ?? body.input
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : messages
  const content = (last as { content?: unknown } | null)?.content ?? last
  return typeof content === 'string' ? content : JSON.stringify(content)
}

/** A chunk that says something is a token. */
function worth(chunk: unknown): number {
  const { choices } = chunk as { choices?: readonly { delta?: object; text?: string }[] }
  const [first] = choices ?? []
  const said = Object.entries(first?.delta ?? {}).some(
    ([field, value]) => field !== 'role' && value !== '',
  )
  return said || (first?.text ?? '') !== '' ? 1 : 0
}

function encode(chunk: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(chunk))
}
