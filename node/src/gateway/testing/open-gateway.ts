import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { answersGroup } from '../../config/groups/answers.ts'
import { Consumer } from '../../consumer/consumer.ts'
import { openSmallMarket, type SmallMarket } from '../../consumer/testing/small-market.ts'
import type { Engine } from '../../engine/index.ts'
import type { AuditEvent } from '../../log/audit-events.ts'
import { createGateway } from '../gateway.ts'
import type { KeyTerms } from '../keys/key-terms.ts'
import { openRules, type Rules, type RulesSettings } from '../open-rules.ts'
import { type AnswerSettings, openService } from '../open-service.ts'
import { openGate, type RequestGate } from '../request-gate.ts'

export { MODEL, ScriptedEngine, saying } from './scripted-engine.ts'

export interface TestGateway extends AsyncDisposable {
  readonly url: string
  readonly market: SmallMarket
  /** Of the keys that it was opened with, by their names. */
  readonly secrets: Readonly<Record<string, string>>
  readonly rules: Rules
  /** What the rules wrote into the node’s own log. */
  readonly notes: readonly AuditEvent[]
  readonly post: (
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>
}

const DEFAULTS = Object.fromEntries(
  Object.entries(answersGroup).map(([name, { fallback }]) => [name, fallback]),
) as unknown as AnswerSettings

export interface OpenGatewayOptions {
  readonly settings?: Partial<AnswerSettings>
  readonly gate?: RequestGate
  /** Virtual keys, by name; whoever has none is the owner. */
  readonly keys?: Readonly<Record<string, Partial<KeyTerms>>>
  readonly rules?: Partial<RulesSettings> & { readonly euAudit?: boolean }
  /** Sessions that each provider serves at once. */
  readonly slots?: number
}

/** A gateway that buys of real providers with these engines, all in this process and over loopback. */
export async function openGateway(
  engines: readonly Engine[],
  { settings = {}, gate, keys = {}, rules: changes, slots }: OpenGatewayOptions = {},
): Promise<TestGateway> {
  await using stack = new AsyncDisposableStack()
  const market = stack.use(await openSmallMarket(engines, slots === undefined ? {} : { slots }))
  const consumer = new Consumer(market.options)
  const { keepAliveMs, headAfterMs, ...rest } = { ...DEFAULTS, ...settings }
  const notes: AuditEvent[] = []
  const rules = stack.use(rulesOf(market, changes ?? {}, notes))
  const secrets = Object.entries(keys).map(([name, terms]) => [
    name,
    rules.book.create(name, terms).secret,
  ])
  const app = await createGateway({
    ...openService(consumer, rest, Date.now),
    gate: gate ?? (secrets.length === 0 && !changes ? openGate(undefined) : rules.gate),
    rules: { ...rules, spend: market.store.spend, now: Date.now },
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
    secrets: Object.fromEntries(secrets) as Record<string, string>,
    rules,
    notes,
    post: async (path, body, headers = {}) =>
      await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: async () => await moved.disposeAsync(),
  }
}

function rulesOf(
  { store }: SmallMarket,
  { euAudit = false, ...changes }: NonNullable<OpenGatewayOptions['rules']>,
  notes: AuditEvent[],
): Rules {
  return openRules(
    {
      apiKey: undefined,
      anonymous: 'on',
      budget: undefined,
      budgetPeriod: 'month',
      defaultMaxTokens: 1_000,
      lawfulBasis: undefined,
      retainRequestsDays: 0,
      retainOpeningsDays: 0,
      retainMetadataDays: 0,
      ...changes,
    },
    {
      store,
      euAudit,
      note: (event) => notes.push(event),
      now: Date.now,
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      log: pino({ level: 'silent' }),
    },
  )
}
