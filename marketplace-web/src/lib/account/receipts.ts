import type { Client } from '#lib/api.ts'
import { type PicoEuro, picoEuro } from '#lib/money.ts'

export type Receipt = {
  readonly session: string
  readonly provider: string
  readonly consumer: string
  readonly model: string
  readonly sequence: bigint
  /** CID of the last receipt. */
  readonly receipt: string
  readonly amount: PicoEuro
  readonly fee: PicoEuro
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly final: string | null
  readonly acceptedAt: number
  readonly updatedAt: number
}

/** More are no list that anybody reads: exports have them all. */
export const receiptsMax = 10_000
const page = 500

/** An organization's receipts, newest first, a page at a time. */
export async function* readReceipts(client: Client, most = receiptsMax): AsyncGenerator<Receipt[]> {
  let before: string | undefined
  for (let count = 0; count < most; ) {
    const limit = Math.min(page, most - count)
    const query = { limit, ...(before !== undefined && { before }) }
    const { receipts, next } = await client.get('/v1/receipts', { params: { query } })
    count += receipts.length
    yield receipts.map((row) => ({
      ...row,
      sequence: BigInt(row.sequence),
      amount: picoEuro(BigInt(row.amount)),
      fee: picoEuro(BigInt(row.fee)),
      inputTokens: BigInt(row.inputTokens),
      cachedInputTokens: BigInt(row.cachedInputTokens),
      outputTokens: BigInt(row.outputTokens),
    }))
    if (next === null) return
    before = next
  }
}

/** The last `count` of them. */
export async function lastReceipts(client: Client, count: number): Promise<Receipt[]> {
  for await (const receipts of readReceipts(client, count)) return receipts
  return []
}
