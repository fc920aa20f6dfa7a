import { formatPrice } from '@hanse/protocol'
import type { Answer } from '../consumer/answer.ts'

/** Who answers, from where, at what price, and where the proof will be. */
export function answerHeaders(answer: Answer): Record<string, string> {
  const { session, provider, country, model, inputPrice, outputPrice } = answer
  return {
    'x-hanse-session': session,
    'x-hanse-provider': provider,
    'x-hanse-country': country,
    'x-hanse-model': model,
    'x-hanse-price': `${formatPrice(inputPrice)} input, ${formatPrice(outputPrice)} output`,
    'x-hanse-receipt': `/hanse/v1/sessions/${session}`,
    'x-hanse-bundle': `/hanse/v1/bundles/${session}`,
  }
}
