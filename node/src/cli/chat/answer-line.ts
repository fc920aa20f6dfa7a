import { formatEuro } from '@hanse/protocol'
import { clean } from '../terminal-text.ts'
import type { StreamedAnswer } from './stream-chat.ts'

/** Who answered, how fast, and what it cost, in one line. */
export function answerLine(answer: StreamedAnswer): string {
  const { model, parts, inputTokens, outputTokens, cost, firstTextMs, textMs } = answer
  const providers = parts.map(
    ({ provider, country }) => `…${clean(provider).slice(-8)} in ${clean(country)}`,
  )
  const facts = [`${clean(model)} by ${providers.join(', then ')}`]
  if (inputTokens !== undefined && outputTokens !== undefined)
    facts.push(`${inputTokens} + ${outputTokens} tokens`)
  if (cost !== undefined) facts.push(formatEuro(cost))
  if (firstTextMs !== undefined) facts.push(`first token ${Math.round(firstTextMs)} ms`)
  // A clock of a few milliseconds says nothing about a short answer.
  if (outputTokens !== undefined && outputTokens > 1 && textMs > 50)
    facts.push(`${Math.round(((outputTokens - 1) * 1000) / textMs)} tokens/s`)
  return facts.join(' · ')
}
