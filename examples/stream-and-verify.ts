// Streams an answer, hears of each receipt, and checks in the end what the provider has signed.
import { createConsumer, ERRORS, formatEuro, HanseError } from '@hanse/node/consumer'
import { market } from './market.ts'

await using hanse = await createConsumer(market)
hanse.on('receipt', ({ receipt }) =>
  console.error(`receipt ${receipt.sequence}: ${formatEuro(receipt.amount)}`),
)
hanse.on('failover', ({ to }) => console.error(`${to.provider} goes on`))

try {
  const [model] = await hanse.models()
  const answer = await hanse.chat(
    {
      model: model?.id ?? 'none',
      messages: [{ role: 'user', content: 'Tell me of Lübeck.' }],
      max_tokens: 300,
    },
    { signal: AbortSignal.timeout(60_000), policy: { sort: 'throughput' } },
  )
  for await (const { choices } of answer) process.stdout.write(choices[0]?.delta.content ?? '')

  const { amount } = await answer.bill
  const report = hanse.verify(await answer.bundle())
  console.log(`\n${formatEuro(amount)}, receipts ${report.verified ? 'verified' : 'NOT verified'}`)
} catch (error) {
  if (!(error instanceof HanseError)) throw error
  console.error(`${error.code}: ${error.message}. ${ERRORS[error.code].advice}`)
  process.exitCode = 1
}
