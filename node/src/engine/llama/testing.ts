import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, EngineEvent, EngineRequest, FixedChoices } from '../engine.ts'
import { BuiltInEngine, type BuiltInEngineOptions } from './built-in-engine.ts'
import { builtInModelPath } from './built-in-model.ts'

// What the tests of the built-in engine share.

export const TINY = 'hanse-tiny-v1'
export const FRANCE = 'What is the capital of France?'
export const STORY = 'Tell me a story about a baker and a cat.'

export function chatRequest(
  content: string,
  more: Record<string, unknown> = {},
  rest: { model?: string; fixed?: FixedChoices } = {},
): EngineRequest {
  const body = { messages: [{ role: 'user', content }], temperature: 0, ...more }
  return {
    kind: 'chat',
    model: rest.model ?? TINY,
    body: new TextEncoder().encode(JSON.stringify(body)),
    maxOutputTokens: 200,
    ...(rest.fixed === undefined ? {} : { fixed: rest.fixed }),
  }
}

export async function eventsOf(
  engine: Engine,
  request: EngineRequest,
  signal = AbortSignal.timeout(20_000),
): Promise<EngineEvent[]> {
  const events: EngineEvent[] = []
  for await (const batch of engine.run(request, signal)) events.push(...batch)
  return events
}

/** Its payloads one after the other, byte for byte. */
export async function bytesOf(engine: Engine, request: EngineRequest): Promise<string> {
  const events = await eventsOf(engine, request)
  return events
    .map((event) => (event.type === 'delta' ? Buffer.from(event.payload).toString('latin1') : ''))
    .join('\n')
}

export async function textOf(engine: Engine, request: EngineRequest): Promise<string> {
  const payloads = (await bytesOf(engine, request)).split('\n').filter((line) => line !== '')
  return payloads
    .map((payload) => JSON.parse(Buffer.from(payload, 'latin1').toString()))
    .map(({ choices }) => choices[0]?.delta.content ?? '')
    .join('')
}

export async function openTiny(more: Partial<BuiltInEngineOptions> = {}): Promise<BuiltInEngine> {
  return await BuiltInEngine.open({
    models: [{ id: TINY, path: builtInModelPath() }],
    slots: 2,
    random: () => 1,
    ...more,
  })
}

/** Waits for what must come to be within ten seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await holds()) return
    await delay(20)
  }
  assert.fail(`not within ten seconds: ${what}`)
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // Who has ended stays in the table until its parent, or who took its place, has looked.
    return process.platform !== 'linux' || !/\) Z /u.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
