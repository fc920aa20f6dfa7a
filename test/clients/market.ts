import { BUILT_IN_NAME, BuiltInEngine, builtInModelPath, OpenAiEngine } from '@hanse/node'
import { openGateway, type TestGateway } from '@hanse/node/testing'
import { openWireReplay, type WireReplay } from './wire-replay.ts'

export interface ClientMarket extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly replay: WireReplay
  /** Models, as they are on offer. */
  readonly wire: string
  readonly tiny: string
  readonly embedding: string
}

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
  const gateway = stack.use(await openGateway([wired, builtIn], { slots: 128 }))
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
