export type FaultType =
  | 'api_error'
  | 'card_error'
  | 'idempotency_error'
  | 'invalid_request_error'
  | 'rate_limit_error'

interface FaultDetails {
  readonly code?: string
  readonly param?: string
  readonly declineCode?: string
  readonly charge?: string
  readonly paymentIntent?: object
  readonly setupIntent?: object
}

/** An answer of Stripe's that is an error; `toJSON` is Stripe's error envelope. */
export class StripeFault extends Error {
  readonly status: number
  readonly type: FaultType
  readonly details: FaultDetails

  constructor(status: number, type: FaultType, message: string, details: FaultDetails = {}) {
    super(message)
    this.status = status
    this.type = type
    this.details = details
  }

  toJSON(): object {
    const { code, param, declineCode, charge, paymentIntent, setupIntent } = this.details
    return {
      error: {
        type: this.type,
        message: this.message,
        ...(code !== undefined && {
          code,
          doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
        }),
        ...(param !== undefined && { param }),
        ...(declineCode !== undefined && { decline_code: declineCode }),
        ...(charge !== undefined && { charge }),
        ...(paymentIntent !== undefined && { payment_intent: paymentIntent }),
        ...(setupIntent !== undefined && { setup_intent: setupIntent }),
      },
    }
  }
}

export function invalidRequest(message: string, code?: string, param?: string): StripeFault {
  return new StripeFault(400, 'invalid_request_error', message, {
    ...(code !== undefined && { code }),
    ...(param !== undefined && { param }),
  })
}

export function resourceMissing(noun: string, id: string, param = 'id'): StripeFault {
  return new StripeFault(404, 'invalid_request_error', `No such ${noun}: '${id}'`, {
    code: 'resource_missing',
    param,
  })
}
