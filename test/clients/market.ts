import { BUILT_IN_NAME, BuiltInEngine, builtInModelPath, OpenAiEngine } from '@hanse/node'
import { openGateway, type TestGateway } from '@hanse/node/testing'
import { picoEuro } from '@hanse/protocol'
import { openWireReplay, type WireReplay } from './wire-replay.ts'

export interface ClientMarket extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly replay: WireReplay
  /** Models, as they are on offer. */
  readonly wire: string
  readonly tiny: string
  readonly embedding: string
}

/** A key that this gateway never gave. */
const NO_KEY = `hanse_sk_${'x'.repeat(43)}`

/** A gateway over two providers: one with the built-in engine, one with an engine that replays OpenAI's wire traffic. */
export async function openClientMarket(): Promise<ClientMarket> {
  await using stack = new AsyncDisposableStack()
  const replay = stack.use(await openWireReplay())
  const wired = new OpenAiEngine({ baseUrl: replay.baseUrl })
  const builtIn = stack.use(
    await BuiltInEngine.open({
      models: [{ id: BUILT_IN_NAME, path: builtInModelPath() }],
      slots: 4,
    }),
  )
  const gateway = stack.use(
    await openGateway([wired, builtIn], {
      slots: 128,
      keys: {
        limited: { requestsPerMinute: 1 },
        poor: { budget: picoEuro(1n) },
        narrow: { models: ['nothing/*'] },
        late: { expiresAt: 1 },
      },
    }),
  )
  const { data } = (await (await fetch(`${gateway.url}/v1/models`)).json()) as {
    data: readonly { readonly id: string }[]
  }
  const named = (part: string): string => {
    const found = data.find(({ id }) => id.includes(part))
    if (found === undefined) throw new Error(`${part} is not on offer`)
    return found.id
  }
  const moved = stack.move()
  return {
    gateway,
    replay,
    wire: named('gpt-wire'),
    embedding: named('embedding-wire'),
    tiny: named('tiny'),
    [Symbol.asyncDispose]: async () => await moved.disposeAsync(),
  }
}

/** A request that goes wrong before its first token, and as what. */
export interface Fault {
  readonly name: string
  /** Sent as the client sends keys. */
  readonly key: string
  readonly model: string
  /** Of the user's message. */
  readonly prompt: string
  readonly status: number
  readonly code: string
}

/** One of each kind. */
export async function faultsOf({ gateway, wire }: ClientMarket): Promise<readonly Fault[]> {
  const { limited = '', poor = '', narrow = '', late = '' } = gateway.secrets
  const usual = { key: 'any', model: wire, prompt: 'chat' }
  // Whatever came before, the next one is too many.
  await gateway.post('/v1/embeddings', { model: wire, input: 'x' }, { 'x-api-key': limited })
  return [
    { ...usual, name: 'wrong key', key: NO_KEY, status: 401, code: 'HANSE_UNAUTHENTICATED' },
    { ...usual, name: 'old key', key: late, status: 401, code: 'HANSE_KEY_EXPIRED' },
    { ...usual, name: 'model not allowed', key: narrow, status: 403, code: 'HANSE_KEY_MODEL' },
    { ...usual, name: 'no budget', key: poor, status: 402, code: 'HANSE_BUDGET_EXHAUSTED' },
    { ...usual, name: 'too many', key: limited, status: 429, code: 'HANSE_RATE_LIMITED' },
    { ...usual, name: 'no model', model: 'no/such', status: 404, code: 'HANSE_MODEL_UNKNOWN' },
    { ...usual, name: 'too long', prompt: 'context', status: 400, code: 'HANSE_CONTEXT_LENGTH' },
    { ...usual, name: 'wrong value', prompt: 'invalid', status: 400, code: 'HANSE_ENGINE_REFUSED' },
    {
      ...usual,
      name: 'overloaded',
      prompt: 'overloaded',
      status: 502,
      code: 'HANSE_ENGINE_FAILED',
    },
  ]
}

/** A form that takes the built-in model some five hundred tokens, which is as many as it has room for. */
export const LONG_FORM = {
  type: 'array',
  items: { type: 'integer' },
  minItems: 300,
  maxItems: 300,
} as const

/**
 * Begins answers and leaves them until one was cancelled in the middle: a small model, on a machine that does much else,
 * may have said all before anybody hears of it.
 */
export async function untilCancelled(
  { gateway }: ClientMarket,
  beginAndLeave: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; tries < 30; tries++) {
    await beginAndLeave()
    let reason: unknown
    await until(async () => {
      const response = await fetch(`${gateway.url}/hanse/v1/sessions?limit=1`)
      const { sessions } = (await response.json()) as { sessions: { reason?: string }[] }
      reason = sessions[0]?.reason
      return typeof reason === 'string'
    })
    if (reason === 'cancelled') return
  }
  throw new Error('every answer was whole before it could be cancelled')
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** What a promise was rejected with. */
export async function errorOf(rejected: PromiseLike<unknown>): Promise<Error> {
  try {
    await rejected
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('nothing went wrong')
}
