// The official client of OpenAI's API, with no server between it and the market.
import { createConsumer } from '@hanse/node/consumer'
import OpenAI from 'openai'
import { market } from './market.ts'

await using hanse = await createConsumer(market)
const openai = new OpenAI({
  // Neither is used: requests never leave this process as HTTP.
  apiKey: 'none',
  baseURL: 'http://hanse.invalid/v1',
  fetch: hanse.fetch,
})

const [model] = (await openai.models.list()).data
if (model === undefined) throw new Error('no model is on offer')

const { data, response } = await openai.chat.completions
  .create({
    model: model.id,
    messages: [{ role: 'user', content: 'Name three ports of the Hanse.' }],
    max_tokens: 20,
  })
  .withResponse()

console.log(data.choices[0]?.message.content)
const { headers } = response
console.log(`answered in ${headers.get('x-hanse-country')} for ${headers.get('x-hanse-cost')}`)
