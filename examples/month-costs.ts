import { createClient, formatEuro, picoOf } from '@hanse/client'

// What an organization spends this month, by model, and how far its budgets are: with the key of HANSE_SETTLEMENT_API_KEY.

const { HANSE_SETTLEMENT_URL: baseUrl = '', HANSE_SETTLEMENT_API_KEY: apiKey = '' } = process.env
const client = createClient({ baseUrl, apiKey })

const now = new Date()
const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)).toISOString()
const to = new Date(Math.ceil(now.getTime() / 3_600_000) * 3_600_000).toISOString()

const query = { from, to, group: 'model' } as const
for await (const { key, sessions, amount } of client.each('/v1/usage', { params: { query } })) {
  console.log(`${formatEuro(picoOf(amount))} for ${sessions} sessions with ${key}`)
}
for (const { name, amount, state } of (await client.get('/v1/budgets')).budgets) {
  const spent = formatEuro(picoOf(state?.spent ?? '0'))
  console.log(`${name}: ${spent} of ${formatEuro(picoOf(state?.amount ?? amount))}`)
}
