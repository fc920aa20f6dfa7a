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

/** What the newest session came to. */
export async function lastSession({ gateway }: ClientMarket): Promise<{ reason: string | null }> {
  const { sessions } = (await (await fetch(`${gateway.url}/hanse/v1/sessions?limit=1`)).json()) as {
    sessions: readonly { readonly reason: string | null }[]
  }
  const [newest] = sessions
  if (newest === undefined) throw new Error('there is no session')
  return newest
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}
