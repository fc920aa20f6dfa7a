import { type Finding, fail, ok, unknown, warn } from '../finding.ts'
import type { ProviderFacts } from '../provider-facts.ts'

/** A person reads five words a second; below it an answer is a nuisance, and its deadline passes. */
const TOKENS_PER_SECOND_MIN = 5
/** Most chats are given up before. */
const FIRST_TOKEN_MAX_MS = 10_000

export function engineReady({ status, engines }: ProviderFacts): Finding {
  const id = 'engine.ready'
  const seen = [
    ...(status?.engines ?? []),
    ...engines.map((probe) => ({ ...probe, name: probe.engine })),
  ]
  if (seen.length === 0) {
    return unknown(id, 'no engine was looked at', 'Start the provider, or name one with --engine.')
  }
  const down = seen.filter(({ ready }) => !ready)
  const facts = { engines: [...new Set(seen.map(({ name }) => name))] }
  const first = down[0]
  return first === undefined
    ? ok(id, `the engine answers: ${facts.engines.join(', ')}`, facts)
    : fail(
        id,
        `the engine ${first.name} is not ready: ${first.message}`,
        'Start the engine, or correct --engine and --engine-url.',
        { ...facts, down: [...new Set(down.map(({ name }) => name))] },
      )
}

export function engineAnswers({ engines }: ProviderFacts): Finding | undefined {
  const id = 'engine.answer'
  const asked = engines.filter(({ answer }) => answer !== undefined)
  // One that fails is what its owner has to hear of.
  const probe = asked.find(({ answer }) => answer !== undefined && 'code' in answer) ?? asked[0]
  if (probe?.answer === undefined) return undefined
  const { answer, model } = probe
  if ('code' in answer) {
    return fail(
      id,
      `the engine did not answer a test request to ${model}: ${answer.message}`,
      'Ask the engine by hand, and see its log; nothing can be sold until it answers.',
      { model, code: answer.code },
    )
  }
  const { tokensPerSecond, firstTokenMs, tokens } = answer
  const facts = { model, tokens, firstTokenMs: Math.round(firstTokenMs), tokensPerSecond }
  const seconds = (firstTokenMs / 1000).toFixed(1)
  if (firstTokenMs > FIRST_TOKEN_MAX_MS) {
    return warn(
      id,
      `the first token of ${model} took ${seconds} s`,
      'Keep the model loaded (the engine’s keep-alive), or offer a smaller one.',
      facts,
    )
  }
  return tokens > 1 && tokensPerSecond < TOKENS_PER_SECOND_MIN
    ? warn(
        id,
        `${model} makes ${tokensPerSecond.toFixed(1)} tokens a second`,
        'Check that the engine uses the GPU, and offer a smaller or quantized model.',
        facts,
      )
    : ok(id, `${model} answered: first token after ${seconds} s`, facts)
}
