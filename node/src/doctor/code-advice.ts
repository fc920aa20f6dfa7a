import { ERRORS, isErrorCode } from '@hanse/protocol'

/** What an owner can change so that fewer orders end with this code: the table of codes speaks to consumers. */
const FOR_OWNERS: Readonly<Record<string, string>> = {
  HANSE_CAPACITY:
    'All slots were busy: raise --slots if the GPU has room for it, or ask a higher price.',
  HANSE_DEADLINE_UNREACHABLE:
    'Orders wanted answers sooner than the queue allows: raise --slots, lower --queue-max, or offer a faster model.',
  HANSE_AUTHORIZATION_REQUIRED:
    'Consumers came without an authorization: set --settlement-url to the settlement that they use, or --unsecured-credit among friends.',
  HANSE_AUTHORIZATION_INVALID:
    'Consumers pay through another settlement than yours: set --settlement-url to theirs.',
  HANSE_AUTHORIZATION_EXPIRED: 'Compare the clocks: see clock.offset.',
  HANSE_AUTHORIZATION_EXHAUSTED: 'Authorizations were too small: lower --min-authorization.',
  HANSE_PAYMENT_OVERDUE:
    'Consumers that left answers unpaid asked again: nothing to do; they pay first, or wait.',
  HANSE_ORDER_PRICE:
    'Prices rose between offer and order: let --output-price move less often, so that consumers order at what they saw.',
  HANSE_ORDER_EXPIRED: 'Orders arrived too old or from the future: see clock.offset.',
  HANSE_ORDER_LIMITS: 'Orders asked for longer answers: raise --max-output-tokens.',
  HANSE_CONTEXT_LENGTH: 'Prompts did not fit: give the engine a longer context.',
  HANSE_ORDER_WINDOW_TOO_SMALL: 'Raise --credit-window, so that a prompt and one token fit in it.',
  HANSE_POLICY_RESIDENCY: 'Consumers ask for more evidence of location: see evidence.level.',
  HANSE_MODEL_UNKNOWN: 'Consumers asked for a model that you no longer offer: see --models.',
  HANSE_PROVIDER_PAUSED: 'Orders came while you were paused: see daemon.state.',
  HANSE_DRAINING: 'Orders came while the provider was shutting down: nothing to do.',
  HANSE_CONNECTION_LIMIT:
    'A peer opened more streams than the limits of hanse provider allow: nothing to do, unless it is a gateway of yours.',
  HANSE_RATE_LIMITED:
    'A peer asked faster than the limits of hanse provider allow: nothing to do, unless it is a gateway of yours.',
  HANSE_ENGINE_FAILED: 'The engine broke in mid-answer: see its log, and free memory.',
  HANSE_ENGINE_UNAVAILABLE: 'The engine did not answer: see engine.ready.',
  HANSE_ENGINE_REFUSED: 'The engine refused what consumers asked for: see its log for the reason.',
}

export function adviceFor(code: string): string {
  return FOR_OWNERS[code] ?? (isErrorCode(code) ? ERRORS[code].advice : 'See hanse provider logs.')
}
