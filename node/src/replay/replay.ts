import {
  type BundledSession,
  bytesEqual,
  commit,
  commitPrompt,
  EMPTY_TRANSCRIPT,
  extendTranscript,
  fixedChoices,
  shownText,
} from '@hanse/protocol'
import type { Engine, EngineEvent, EngineModel } from '../engine/index.ts'
import { requestKindOf } from '../provider/request-kind.ts'

export interface ReplayInput {
  readonly session: BundledSession
  /** The session's secret; it opens the commitments. */
  readonly secret: Uint8Array
  /** The body that was ordered, byte for byte. */
  readonly request: Uint8Array
  readonly engine: Engine
  readonly model: EngineModel
}

export interface ReplayCheck {
  readonly id: 'request' | 'determinism' | 'model' | 'engine' | 'output'
  /** `unsure`: it may be the reason when the output differs. */
  readonly status: 'ok' | 'unsure' | 'failed'
  readonly detail: string
}

export interface ReplayReport {
  /** The engine gave the very bytes that both sides signed. */
  readonly reproduced: boolean
  readonly checks: readonly ReplayCheck[]
  /** What the engine says now. */
  readonly text: string
}

/**
 * Runs a session's request again and compares each byte with what its last receipt commits to.
 *
 * @throws {EngineError} when the engine cannot run it
 */
export async function replay(input: ReplayInput, signal: AbortSignal): Promise<ReplayReport> {
  const { session, secret, request, engine, model } = input
  const { order, acceptance, last } = session
  const checks: ReplayCheck[] = []
  const failed = (id: ReplayCheck['id'], detail: string): ReplayReport => ({
    reproduced: false,
    checks: [...checks, { id, status: 'failed', detail }],
    text: '',
  })
  if (!bytesEqual(commitPrompt(secret, request), order.value.promptCommitment))
    return failed('request', 'another request, or the secret of another session')
  checks.push({ id: 'request', status: 'ok', detail: `${request.byteLength} bytes, as ordered` })
  const { determinism } = acceptance.value
  if (determinism === null)
    return failed('determinism', 'the provider did not promise that its answer can be had again')
  checks.push({ id: 'determinism', status: 'ok', detail: `seed ${determinism.seed}` })
  if (model.digest !== determinism.digest)
    return failed('model', `${model.digest}; the answer was made with ${determinism.digest}`)
  checks.push({ id: 'model', status: 'ok', detail: determinism.digest })
  checks.push(
    model.reproducible === determinism.engine
      ? { id: 'engine', status: 'ok', detail: determinism.engine }
      : {
          id: 'engine',
          status: 'unsure',
          detail: `${model.reproducible ?? engine.name} here, ${determinism.engine} there`,
        },
  )
  const run = engine.run(
    {
      kind: requestKindOf(request),
      model: model.id,
      body: request,
      maxOutputTokens: Number(order.value.maxOutputTokens),
      fixed: fixedChoices(order),
    },
    signal,
  )
  const expected = last.value
  const { matched, tokens, payloads, text } = await follow(run, expected.outputTokens, (state) =>
    bytesEqual(commit(secret, { receipt: expected.sequence }, state), expected.transcript),
  )
  const detail = matched
    ? `${tokens} tokens in ${payloads} chunks, byte for byte what both sides signed`
    : `none of the first ${payloads} chunks leads to what both sides signed`
  return {
    reproduced: matched,
    checks: [...checks, { id: 'output', status: matched ? 'ok' : 'failed', detail }],
    text,
  }
}

/** Chains the payloads as both sides did, until `isSigned` holds or more has come than was signed. */
async function follow(
  run: AsyncIterable<readonly EngineEvent[]>,
  signedTokens: bigint,
  isSigned: (transcript: Uint8Array) => boolean,
): Promise<{ matched: boolean; tokens: bigint; payloads: number; text: string }> {
  let transcript = EMPTY_TRANSCRIPT
  let tokens = 0n
  let payloads = 0
  let text = ''
  for await (const events of run) {
    for (const event of events) {
      if (event.type !== 'delta') continue
      transcript = extendTranscript(transcript, event.payload)
      tokens += BigInt(event.tokens)
      payloads++
      text += shownText(event.payload)
      // Chunks without tokens may follow the last one that has some.
      if (tokens === signedTokens && isSigned(transcript))
        return { matched: true, tokens, payloads, text }
    }
    if (tokens > signedTokens) break
  }
  return { matched: false, tokens, payloads, text }
}
