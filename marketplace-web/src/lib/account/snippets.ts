import type { Config } from '#lib/config.ts'

// What is copied into a terminal or a program: with the real addresses.

/** Where the network is entered is the site's own, where it names one. */
export const startGateway = (config: Config | undefined, key = 'hanse_…'): string => {
  const { name, bootstrap } = config?.network ?? { name: undefined, bootstrap: [] }
  const flags = [
    `--settlement-url ${config?.settlementUrl ?? 'https://settlement.example'}`,
    ...(name === undefined ? [] : [`--network ${name}`]),
    `--bootstrap ${bootstrap[0] ?? '/ip4/…/p2p/12D3KooW…'}`,
  ]
  return [
    `export HANSE_SETTLEMENT_API_KEY=${key}`,
    ['npx hanse gateway', ...flags].join(' \\\n  '),
  ].join('\n')
}

const question = 'What is amber?'

export const curl = (gatewayUrl: string, model: string): string =>
  `curl ${gatewayUrl}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{"model":"${model}","messages":[{"role":"user","content":"${question}"}]}'`

export const javascript = (gatewayUrl: string, model: string): string =>
  `import OpenAI from 'openai'
const openai = new OpenAI({ baseURL: '${gatewayUrl}/v1', apiKey: 'any' })
const answer = await openai.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: '${question}' }],
})
console.log(answer.choices[0].message.content)`

export const python = (gatewayUrl: string, model: string): string =>
  `from openai import OpenAI
client = OpenAI(base_url="${gatewayUrl}/v1", api_key="any")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "${question}"}],
)
print(answer.choices[0].message.content)`
