import { FAILOVER_DEFAULTS, type FailoverSettings } from '../../consumer/continuation/failover.ts'
import * as kinds from '../kinds.ts'
import type { Settings } from '../settings.ts'

/** How answers are served: failover, cache, keep-alive. */
export const answersGroup = {
  failover: kinds.toggle({
    description:
      'when a provider stops in the middle of an answer, another one goes on with it; it is sent the prompt and what was said so far, and both are paid for their part',
    fallback: true,
  }),
  failoverMax: kinds.integer({
    description: 'most providers that go on with one answer, one after the other',
    fallback: FAILOVER_DEFAULTS.max,
    min: 1,
    max: 16,
  }),
  stallMs: kinds.integer({
    description:
      'silence in the middle of an answer after which its provider is given up, ms; one that is slow all along gets more',
    placeholder: '<ms>',
    fallback: FAILOVER_DEFAULTS.stallMs,
    min: 1_000,
    max: 600_000,
  }),
  keepAliveMs: kinds.integer({
    description: 'silence in a stream after which a comment is sent, ms',
    placeholder: '<ms>',
    fallback: 10_000,
    min: 1_000,
    max: 600_000,
  }),
  headAfterMs: kinds.integer({
    description:
      'how long a stream may wait for its first token before its head is sent anyway, ms; what goes wrong later is an error within the stream. 0 waits',
    placeholder: '<ms>',
    fallback: 25_000,
    min: 0,
    max: 600_000,
  }),
  responseCache: kinds.toggle({
    description:
      'answer a request that was answered before from memory, at no cost; clients may ask for it, or not, by x-hanse-cache',
    fallback: false,
  }),
  responseCacheMs: kinds.integer({
    description: 'how long such an answer is kept, ms',
    placeholder: '<ms>',
    fallback: 300_000,
    min: 1_000,
    max: 86_400_000,
  }),
  idempotencyMs: kinds.integer({
    description: 'how long an answer is kept for its idempotency-key, ms',
    placeholder: '<ms>',
    fallback: 3_600_000,
    min: 1_000,
    max: 86_400_000,
  }),
  answerMemoryMib: kinds.integer({
    description: 'most memory for answers that are kept, of the two kinds each, MiB',
    placeholder: '<MiB>',
    fallback: 64,
    min: 1,
    max: 65_536,
  }),
  remoteImages: kinds.toggle({
    description:
      'fetch images that requests point at by https, and send them to providers within the request; refused otherwise',
    fallback: false,
  }),
} as const

/** What the settings say about answers that stop in the middle. */
export function failoverOf(settings: Settings<typeof answersGroup>): FailoverSettings {
  const { failover, failoverMax, stallMs } = settings
  return { max: failover ? failoverMax : 0, stallMs }
}
