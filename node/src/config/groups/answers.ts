import * as kinds from '../kinds.ts'

/** How answers are served: failover, cache, keep-alive. */
export const answersGroup = {
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
