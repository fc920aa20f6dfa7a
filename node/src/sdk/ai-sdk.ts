import { createOpenAICompatible, type OpenAICompatibleProvider } from '@ai-sdk/openai-compatible'
import type { HanseConsumer } from './hanse-consumer.ts'

/**
 * Models of the market for the Vercel AI SDK: `createHanse(hanse)('publisher/model')` is a chat model, and
 * `.completionModel(id)` and `.embeddingModel(id)` are the others. Needs the package `@ai-sdk/openai-compatible`.
 */
export function createHanse(hanse: Pick<HanseConsumer, 'fetch'>): OpenAICompatibleProvider {
  return createOpenAICompatible({
    name: 'hanse',
    // Never resolved: the consumer answers itself.
    baseURL: 'http://hanse.invalid/v1',
    fetch: hanse.fetch,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
}
