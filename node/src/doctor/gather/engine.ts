import { type Engine, EngineError, type EngineRequest } from '../../engine/index.ts'
import type { EngineProbe } from '../provider-facts.ts'

/** Enough to time, too little to cost. */
const TOKENS_MAX = 8
/** A model that has to be loaded first takes a minute from a slow disk. */
const ANSWER_MS = 60_000

/**
 * Sends the engine one short chat, as a consumer's order would.
 *
 * @param model the engine's own id; its first model when not given
 * @param request whether to send it, or only to ask how the engine is
 */
export async function probeEngine(
  engine: Engine,
  { model, request, now }: { model?: string | undefined; request: boolean; now: () => number },
): Promise<EngineProbe> {
  const health = await engine.health(AbortSignal.timeout(ANSWER_MS))
  const { ready, message } = health
  const first = model ?? (await engine.models().catch(() => []))[0]?.id
  const probe = { engine: engine.name, model: first ?? '', ready, message, answer: undefined }
  if (!ready || first === undefined || !request) return probe
  return { ...probe, answer: await ask(engine, first, now) }
}

async function ask(
  engine: Engine,
  model: string,
  now: () => number,
): Promise<EngineProbe['answer']> {
  const body = { model, messages: [{ role: 'user', content: 'Say hello.' }], stream: true }
  const request: EngineRequest = {
    kind: 'chat',
    model,
    body: new TextEncoder().encode(JSON.stringify(body)),
    maxOutputTokens: TOKENS_MAX,
  }
  const started = now()
  let first: number | undefined
  let tokens = 0
  try {
    for await (const events of engine.run(request, AbortSignal.timeout(ANSWER_MS))) {
      for (const event of events) {
        if (event.type !== 'delta' || event.tokens === 0) continue
        first ??= now()
        tokens += event.tokens
      }
    }
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'HANSE_ENGINE_FAILED'
    return { code, message: error instanceof Error ? error.message : 'it broke' }
  }
  if (first === undefined) return { code: 'HANSE_ENGINE_FAILED', message: 'the answer was empty' }
  const seconds = (now() - first) / 1000
  const tokensPerSecond = seconds > 0 ? Math.round(((tokens - 1) / seconds) * 10) / 10 : tokens
  return { tokens, firstTokenMs: first - started, tokensPerSecond }
}
