import { z } from 'zod'
import { normalVatId, stateOfVatId } from './vat-id.ts'
import type { VatIdAnswer, VatIdChecker } from './vat-id-checker.ts'

/** The Commission's service. */
const VIES_URL = 'https://ec.europa.eu/taxation_customs/vies/rest-api'
/** VIES asks the member state's register while we wait; slow ones take several seconds. */
const ANSWER_MS = 15_000
/** Names and addresses of registers are a few hundred characters. */
const TEXT_MAX = 1000

const answerSchema = z.object({
  valid: z.boolean(),
  requestIdentifier: z.string().max(TEXT_MAX).optional(),
  name: z.string().max(TEXT_MAX).optional(),
  address: z.string().max(TEXT_MAX).optional(),
  userError: z.string().max(TEXT_MAX).optional(),
})
const faultSchema = z.object({
  errorWrappers: z.array(z.object({ error: z.string().max(TEXT_MAX) })).min(1),
})
/** The user errors that are answers; every other one says that a register did not answer. */
const ANSWERS = new Set(['VALID', 'INVALID', 'INVALID_INPUT'])

export interface ViesOptions {
  /** Our own VAT id: only who says it gets a consultation number. */
  readonly requester?: string
  readonly url?: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly fetch?: typeof fetch
}

/** The VAT Information Exchange System, by its REST form. */
export function viesChecker(options: ViesOptions): VatIdChecker {
  const { url = VIES_URL, now } = options
  return {
    check: async (given) => {
      const vatId = normalVatId(given)
      const at = now()
      if (stateOfVatId(vatId) === undefined) {
        const nothing = { consultation: null, name: null, address: null }
        return { status: 'checked', check: { vatId, valid: false, source: 'vies', at, ...nothing } }
      }
      try {
        const response = await (options.fetch ?? fetch)(`${url}/check-vat-number`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify(questionOf(vatId, options.requester)),
          signal: AbortSignal.timeout(ANSWER_MS),
        })
        return answerOf(vatId, at, response.status, await response.json())
      } catch (error) {
        // The network, the deadline, or a page instead of JSON.
        return unavailable(error instanceof Error ? error.name : 'no answer')
      }
    },
  }
}

function questionOf(vatId: string, requester: string | undefined): Record<string, string> {
  const own = requester === undefined ? undefined : normalVatId(requester)
  return {
    countryCode: vatId.slice(0, 2),
    vatNumber: vatId.slice(2),
    ...(own !== undefined && {
      requesterMemberStateCode: own.slice(0, 2),
      requesterNumber: own.slice(2),
    }),
  }
}

function answerOf(vatId: string, at: number, status: number, body: unknown): VatIdAnswer {
  const fault = faultSchema.safeParse(body)
  if (fault.success) return unavailable(fault.data.errorWrappers[0]?.error ?? 'VIES refused')
  const answer = answerSchema.safeParse(body)
  if (!answer.success) return unavailable(`HTTP ${status}`)
  const { valid, userError, requestIdentifier, name, address } = answer.data
  if (userError !== undefined && !ANSWERS.has(userError)) return unavailable(userError)
  return {
    status: 'checked',
    check: {
      vatId,
      valid,
      source: 'vies',
      at,
      consultation: told(requestIdentifier),
      name: told(name),
      address: told(address),
    },
  }
}

/** Registers that tell no names answer with dashes. */
const told = (text: string | undefined): string | null =>
  text === undefined || /^[\s-]*$/u.test(text) ? null : text.trim()

const unavailable = (reason: string): VatIdAnswer => ({ status: 'unavailable', reason })
