import assert from 'node:assert/strict'
import {
  type BundledSession,
  commit,
  commitPrompt,
  type Determinism,
  EMPTY_TRANSCRIPT,
  extendTranscript,
  fixedChoices,
  seedOf,
} from '@hanse/protocol'
import {
  MODEL,
  makeAcceptance,
  makeOffer,
  makeOrder,
  SECRET,
  signReceipt,
} from '@hanse/protocol/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { builtInModelPath, type EngineModel, LlamaEngine } from '../engine/index.ts'
import { type ReplayReport, replay } from './replay.ts'

const REQUEST = new TextEncoder().encode(
  JSON.stringify({
    model: MODEL,
    temperature: 0.9,
    messages: [{ role: 'user', content: 'Tell me a story about a lighthouse.' }],
  }),
)
const OTHER_REQUEST = new TextEncoder().encode(
  JSON.stringify({ messages: [{ role: 'user', content: 'Tell me a joke.' }] }),
)

let engine: LlamaEngine
let model: EngineModel

beforeAll(async () => {
  engine = await open()
  const [first] = await engine.models()
  assert.ok(first !== undefined)
  model = first
})
afterAll(async () => await engine[Symbol.asyncDispose]())

async function open(): Promise<LlamaEngine> {
  return await LlamaEngine.open({ modelPath: builtInModelPath(), modelId: MODEL, slots: 2 })
}

/** What a provider and a consumer would have signed for this request, up to `tokensMax`. */
async function makeSession({
  request = REQUEST,
  tokensMax = 60n,
  promised,
}: {
  request?: Uint8Array
  tokensMax?: bigint
  promised?: Determinism | null
} = {}): Promise<BundledSession> {
  const order = makeOrder({ promptCommitment: commitPrompt(SECRET, request), maxOutputTokens: 60n })
  const fixed = fixedChoices(order)
  const { digest, reproducible } = model
  assert.ok(digest !== null && reproducible != null)
  const determinism =
    promised === undefined
      ? { engine: reproducible, digest, seed: seedOf(request, fixed) }
      : promised
  const acceptance = makeAcceptance(order, { determinism })
  let transcript = EMPTY_TRANSCRIPT
  let outputTokens = 0n
  const run = engine.run(
    { kind: 'chat', model: MODEL, body: request, maxOutputTokens: 60, fixed },
    AbortSignal.timeout(20_000),
  )
  for await (const events of run) {
    for (const event of events) {
      if (event.type !== 'delta' || outputTokens + BigInt(event.tokens) > tokensMax) continue
      transcript = extendTranscript(transcript, event.payload)
      outputTokens += BigInt(event.tokens)
    }
    if (outputTokens === tokensMax && tokensMax < 60n) break
  }
  const last = signReceipt({
    acceptance: acceptance.cid,
    sequence: 3n,
    previous: acceptance.cid,
    inputTokens: 10n,
    cachedInputTokens: 0n,
    outputTokens,
    amount: order.value.inputPrice,
    transcript: commit(SECRET, { receipt: 3n }, transcript),
    at: acceptance.value.at + 1,
    final: 'completed',
  })
  const [sold] = makeOffer().value.models
  assert.ok(sold !== undefined)
  return { model: sold, order, acceptance, last }
}

async function again(
  session: BundledSession,
  changes: Partial<Parameters<typeof replay>[0]> = {},
): Promise<ReplayReport> {
  return await replay(
    { session, secret: SECRET, request: REQUEST, engine, model, ...changes },
    AbortSignal.timeout(20_000),
  )
}

const failed = ({ checks }: ReplayReport) => checks.find(({ status }) => status === 'failed')?.id

describe('a replay', () => {
  test('gives the bytes that were signed, on another engine of the same build too', async () => {
    const session = await makeSession()
    const report = await again(session)
    assert.deepEqual([report.reproduced, failed(report)], [true, undefined])
    await using other = await open()
    assert.equal((await again(session, { engine: other })).reproduced, true)
  })

  test('finds an answer that was broken off', async () => {
    const report = await again(await makeSession({ tokensMax: 17n }))
    assert.equal(report.reproduced, true)
    assert.match(report.checks.at(-1)?.detail ?? '', /^17 tokens/u)
  })

  test('finds out an answer that was made with another seed', async () => {
    const session = await makeSession()
    const order = makeOrder({
      promptCommitment: commitPrompt(SECRET, REQUEST),
      maxOutputTokens: 60n,
      nonce: new Uint8Array(16).fill(200),
    })
    assert.equal(failed(await again({ ...session, order })), 'output')
  })

  test('refuses another request, and the secret of another session', async () => {
    const session = await makeSession()
    assert.equal(failed(await again(session, { request: OTHER_REQUEST })), 'request')
    assert.equal(failed(await again(session, { secret: new Uint8Array(32) })), 'request')
  })

  test('refuses other weights, and an answer of which nothing was promised', async () => {
    const session = await makeSession()
    const others: EngineModel = { ...model, digest: `sha256:${'0'.repeat(64)}` }
    assert.equal(failed(await again(session, { model: others })), 'model')
    assert.equal(failed(await again(await makeSession({ promised: null }))), 'determinism')
  })

  test('says when the engine is of another build, which may be why bytes differ', async () => {
    const session = await makeSession()
    const report = await again(session, { model: { ...model, reproducible: 'another build' } })
    assert.deepEqual(
      report.checks.filter(({ status }) => status === 'unsure').map(({ id }) => id),
      ['engine'],
    )
    assert.equal(report.reproduced, true)
  })
})
