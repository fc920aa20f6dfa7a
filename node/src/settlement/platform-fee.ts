import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { REQUEST_MS, readAnswer, refusal, unanswered } from './settlement-http.ts'

const feeJson = z.object({ feeBps: z.int().min(0).max(10_000) })
/** An earlier release does not tell it of a single provider. */
const accountJson = feeJson.partial()

/**
 * What a settlement service keeps of each payment, basis points: by the contract of `provider`, where that has one, else as
 * a new provider gets it.
 *
 * @throws {HanseError} HANSE_SETTLEMENT_UNAVAILABLE
 */
export async function platformFee(url: string, provider: string | undefined): Promise<number> {
  const base = url.replace(/\/+$/u, '')
  if (provider !== undefined) {
    const own = await ask(base, `/v1/providers/${provider}`, accountJson)
    if (own?.feeBps !== undefined) return own.feeBps
  }
  const terms = await ask(base, '/v1/terms', feeJson)
  if (terms === undefined)
    throw new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', `there are no terms at ${base}`)
  return terms.feeBps
}

/** @returns undefined for what is not there */
async function ask<Result>(
  base: string,
  path: string,
  schema: z.ZodType<Result>,
): Promise<Result | undefined> {
  let status: number
  let answer: unknown
  try {
    const response = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(REQUEST_MS) })
    status = response.status
    answer = await response.json()
  } catch (cause) {
    throw unanswered(base, cause)
  }
  if (status === 404) return undefined
  if (status !== 200) throw refusal(status, answer)
  return readAnswer(base, schema, answer)
}
