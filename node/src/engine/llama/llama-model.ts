import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { ChatHistoryItem, ChatWrapper, LlamaModel } from 'node-llama-cpp'

/** SHA-256 of a model's file, in hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(chunk)
  return hash.digest('hex')
}

/** Tokens of a conversation in the model's own chat template. */
export function countTokens(
  model: LlamaModel,
  wrapper: ChatWrapper,
  history: ChatHistoryItem[],
): number {
  const { contextText } = wrapper.generateContextState({ chatHistory: history })
  return contextText.tokenize(model.tokenizer).length
}
