import { HanseError, isErrorCode, type Signature, type SignedRecord } from '@hanse/protocol'
import { z } from 'zod'

/** A request beyond this is taken for lost; settlement is idempotent, so another try is safe. */
export const REQUEST_MS = 15_000

const bytes64 = z.base64().transform((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))
/** A signed record in JSON: bytes as base64. */
export const signedJson = z.object({
  bytes: bytes64,
  signatures: z.array(z.object({ signer: z.string(), role: z.string(), signature: bytes64 })),
})

const problemJson = z.object({
  code: z.string(),
  detail: z.string().optional(),
  title: z.string().optional(),
})

/** Settlement's own codes, which the protocol does not know: for a person to read. */
export class SettlementRefusal extends Error {
  override readonly name = 'SettlementRefusal'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** What is wrong, by an answer that is no success. Of codes that the protocol does not know, that settlement refused. */
export function refusal(status: number, answer: unknown): HanseError {
  const { code, detail } = problemOf(answer)
  if (isErrorCode(code) && status < 500) return new HanseError(code, detail ?? code)
  return new HanseError(
    'HANSE_SETTLEMENT_UNAVAILABLE',
    `settlement answered ${status}: ${detail ?? 'no reason given'}`,
  )
}

/** The same for people: settlement's own codes are told as they are. */
export function refusalForPeople(status: number, answer: unknown): Error {
  const { code, detail } = problemOf(answer)
  if (code === undefined || isErrorCode(code) || status >= 500) return refusal(status, answer)
  return new SettlementRefusal(code, detail ?? code)
}

export function unanswered(url: string, cause: unknown): HanseError {
  const message = `settlement at ${url} did not answer`
  return new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', message, { cause })
}

/** An answer in the form that was asked for. @throws {HanseError} HANSE_SETTLEMENT_UNAVAILABLE */
export function readAnswer<Result>(
  url: string,
  schema: z.ZodType<Result>,
  answer: unknown,
): Result {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new HanseError(
    'HANSE_SETTLEMENT_UNAVAILABLE',
    `settlement at ${url} answered in another language`,
  )
}

/** Whether it verifies is for `openSigned` to say. */
export function toSigned(json: z.output<typeof signedJson>): SignedRecord {
  return { bytes: json.bytes, signatures: json.signatures as unknown as Signature[] }
}

function problemOf(answer: unknown): { code: string | undefined; detail: string | undefined } {
  const problem = problemJson.safeParse(answer)
  if (!problem.success) return { code: undefined, detail: undefined }
  const { code, detail, title } = problem.data
  return { code, detail: detail ?? title }
}
