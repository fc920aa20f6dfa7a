import { isJsonObject, type JsonObject, stringIn } from '../../engine/json.ts'

/** Log probabilities without those of the tokens that the first `length` characters of the text are. */
export function withoutFirst(logprobs: JsonObject, length: number): JsonObject {
  if (length === 0) return logprobs
  if (Array.isArray(logprobs.tokens)) {
    const skipped = tokensIn(logprobs.tokens, length, (token) => token)
    return Object.fromEntries(
      Object.entries(logprobs).map(([column, values]) => [
        column,
        Array.isArray(values) ? values.slice(skipped) : values,
      ]),
    )
  }
  if (!Array.isArray(logprobs.content)) return logprobs
  const { content } = logprobs
  const skipped = tokensIn(content, length, (mark) =>
    isJsonObject(mark) ? stringIn(mark, 'token') : undefined,
  )
  return { ...logprobs, content: content.slice(skipped) }
}

function tokensIn(
  marks: readonly unknown[],
  length: number,
  textOf: (mark: unknown) => unknown,
): number {
  let skipped = 0
  for (let left = length; left > 0 && skipped < marks.length; skipped++) {
    const text = textOf(marks[skipped])
    left -= typeof text === 'string' ? text.length : left
  }
  return skipped
}
