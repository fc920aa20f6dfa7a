import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { Engine, EngineRequest } from '../engine.ts'
import { bytesOf, chatRequest, openTiny, STORY, TINY, until } from './testing.ts'

const PROMPTS = [
  STORY,
  'Tell me a story about the ship Sea Star in a storm.',
  'Tell me a story about a merchant who sells salt.',
  'Hello! Who are you, and what can you do? Tell me all of it. '.repeat(4),
]

/** Twenty requests, at temperature 0.8, each with its seed; every other one has it in the body. */
const requests: EngineRequest[] = Array.from({ length: 20 }, (_, i) =>
  chatRequest(
    PROMPTS[i % PROMPTS.length] ?? STORY,
    { temperature: 0.8, max_tokens: 150, ...(i % 2 === 0 ? { seed: i } : {}) },
    {
      fixed: {
        id: `answer-${i}`,
        created: 1_700_000_000 + i,
        model: 'fixed/model',
        seed: 1000 + i,
      },
    },
  ),
)

async function alone(engine: Engine): Promise<string[]> {
  const answers: string[] = []
  for (const request of requests) answers.push(await bytesOf(engine, request))
  return answers
}

test('twenty sampled answers are the same byte for byte: alone, together, after a restart, with other settings', async () => {
  await using engine = await openTiny({ slots: 4 })
  const first = await alone(engine)
  assert.equal(new Set(first).size, 20)
  assert.deepEqual(await Promise.all(requests.map((request) => bytesOf(engine, request))), first)
  const pid = engine.workerPid(TINY) ?? 0
  process.kill(pid, 'SIGKILL')
  await until('it was restarted', async () => {
    const now = engine.workerPid(TINY)
    const [model] = (await engine.health()).models
    return now !== undefined && now !== pid && model?.state === 'loaded'
  })
  assert.deepEqual(await Promise.all(requests.map((request) => bytesOf(engine, request))), first)
  await using other = await openTiny({ slots: 1, contextLength: 1024 })
  assert.deepEqual(await alone(other), first)
  assert.equal((await other.models())[0]?.reproducible, (await engine.models())[0]?.reproducible)
}, 60_000)

test('embeddings and completions are the same as well, alone and together', async () => {
  await using engine = await openTiny({ slots: 3 })
  const fixed = { id: 'x', created: 1, model: 'fixed/model', seed: 5 }
  const encode = (body: object) => new TextEncoder().encode(JSON.stringify(body))
  const others = PROMPTS.flatMap((prompt): EngineRequest[] => [
    {
      kind: 'completion',
      model: TINY,
      body: encode({ prompt, max_tokens: 60 }),
      maxOutputTokens: 60,
      fixed,
    },
    { kind: 'embedding', model: TINY, body: encode({ input: prompt }), maxOutputTokens: 0, fixed },
  ])
  const first: string[] = []
  for (const request of others) first.push(await bytesOf(engine, request))
  const together = await Promise.all([
    ...others.map((request) => bytesOf(engine, request)),
    ...requests.slice(0, 4).map((request) => bytesOf(engine, request)),
  ])
  assert.deepEqual(together.slice(0, others.length), first)
})

test('the number of threads is part of what must be the same', async () => {
  await using engine = await openTiny({ slots: 1, threads: 2 })
  const [model] = await engine.models()
  assert.match(model?.reproducible ?? '', / threads 2$/u)
})
