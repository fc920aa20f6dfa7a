import { pino } from 'pino'
import { answersGroup } from '../../config/groups/answers.ts'
import { Consumer } from '../../consumer/consumer.ts'
import { openSmallMarket, type SmallMarket } from '../../consumer/testing/small-market.ts'
import type { Engine } from '../../engine/index.ts'
import { createGateway } from '../gateway.ts'
import { type AnswerSettings, openService } from '../open-service.ts'
import { openGate, type RequestGate } from '../request-gate.ts'

export interface TestGateway extends AsyncDisposable {
  readonly url: string
  readonly market: SmallMarket
  readonly post: (
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>
}

const DEFAULTS = Object.fromEntries(
  Object.entries(answersGroup).map(([name, { fallback }]) => [name, fallback]),
) as unknown as AnswerSettings

/** A gateway that buys of real providers with these engines, all in this process and over loopback. */
export async function openGateway(
  engines: readonly Engine[],
  {
    settings = {},
    gate = openGate(undefined),
    slots,
  }: { settings?: Partial<AnswerSettings>; gate?: RequestGate; slots?: number } = {},
): Promise<TestGateway> {
  await using stack = new AsyncDisposableStack()
  const market = stack.use(await openSmallMarket(engines, slots === undefined ? {} : { slots }))
  const consumer = new Consumer(market.options)
  const { keepAliveMs, headAfterMs, ...rest } = { ...DEFAULTS, ...settings }
  const app = await createGateway({
    ...openService(consumer, rest, Date.now),
    gate,
    writer: { keepAliveMs, headAfterMs },
    consumer,
    store: market.store,
    networkName: market.networkName,
    policy: { allow: [], minLevel: 0 },
    now: Date.now,
    log: pino({ level: 'silent' }),
    health: () => ({}),
  })
  stack.defer(async () => await app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const moved = stack.move()
  return {
    url,
    market,
    post: async (path, body, headers = {}) =>
      await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: async () => await moved.disposeAsync(),
  }
}
