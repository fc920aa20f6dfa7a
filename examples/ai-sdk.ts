// Models of the market in the Vercel AI SDK.
import { createHanse } from '@hanse/node/ai-sdk'
import { createConsumer } from '@hanse/node/consumer'
import { streamText } from 'ai'
import { market } from './market.ts'

await using consumer = await createConsumer(market)
const hanse = createHanse(consumer)
const [model] = await consumer.models()

const { textStream, usage } = streamText({
  model: hanse(model?.id ?? 'none'),
  prompt: 'What did a cog carry?',
  maxOutputTokens: 20,
})
for await (const piece of textStream) process.stdout.write(piece)
console.log(`\n${(await usage).outputTokens} tokens`)
