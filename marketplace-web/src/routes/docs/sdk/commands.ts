/** The code of the quick start, alike in every language. */
export const install = 'npm install @hanse/node'
export const chat = `import { createConsumer } from '@hanse/node/consumer'

await using hanse = await createConsumer({
  bootstrap: ['/dns4/relay.example/tcp/4001/p2p/12D3KooW…'],
  budget: '5 EUR',
})
const answer = await hanse.chat({
  model: 'hanse/tiny-v1:f16',
  messages: [{ role: 'user', content: 'Tell me of Lübeck.' }],
  max_tokens: 300,
})
for await (const { choices } of answer) process.stdout.write(choices[0]?.delta.content ?? '')

const { amount } = await answer.bill
const report = hanse.verify(await answer.bundle())`
export const openai = `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: 'http://hanse.invalid/v1',
  apiKey: 'unused',
  fetch: hanse.fetch,
})`
