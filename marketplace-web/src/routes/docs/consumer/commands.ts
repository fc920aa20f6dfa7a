/** The commands of the quick start, alike in every language. */
export const gateway = `export HANSE_SETTLEMENT_API_KEY=hanse_…
npx hanse gateway \\
  --bootstrap /ip4/203.0.113.7/tcp/4001/p2p/12D3KooW… \\
  --settlement-url https://settlement.example \\
  --residency EU`
export const openai = `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: 'http://127.0.0.1:8787/v1', apiKey: 'unused' })
const stream = await client.chat.completions.create({
  model: 'hanse/tiny-v1:f16',
  stream: true,
  messages: [{ role: 'user', content: 'What is amber?' }],
})
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')`
export const narrow = `curl http://127.0.0.1:8787/v1/chat/completions \\
  -H 'content-type: application/json' \\
  -H 'x-hanse-region: DE,FR' -H 'x-hanse-max-output-price: 0.50' \\
  -d '{"model":"hanse/tiny-v1:f16","messages":[{"role":"user","content":"What is amber?"}]}'`
export const proof = `npx hanse receipts list
npx hanse receipts export SESSION
npx hanse verify SESSION.car`
