import type { FastifyBaseLogger } from 'fastify'
import { type DestinationStream, type LevelWithSilent, pino } from 'pino'
import { toldError, wordsOf } from './told-error.ts'

/** Headers and settings whose values never reach a log. */
const REDACTED = [
  'req.headers.authorization',
  'req.headers["stripe-signature"]',
  '*.apiKey',
  '*.secretKey',
  '*.operatorToken',
  '*.metricsToken',
  '*.webhookSecret',
  '*.paymentMethod',
]

/** The service's log: JSON lines, without secrets, and of errors only what `toldError` tells. */
export function openLogger(level: LevelWithSilent, to: DestinationStream): FastifyBaseLogger {
  return pino(
    {
      level,
      redact: { paths: REDACTED, censor: '[secret]' },
      serializers: { err: toldError, error: toldError },
      hooks: {
        logMethod(args, method) {
          const [first, message] = args as unknown[]
          // pino would make an error's message the line's, as it came.
          const told =
            first instanceof Error ? [{ err: first }, message ?? wordsOf(first)] : withWords(args)
          method.apply(this, told as Parameters<typeof method>)
        },
      },
    },
    to,
  )
}

/** With facts but no words, pino takes those of the error among them. */
function withWords(args: readonly unknown[]): readonly unknown[] {
  const [facts, message] = args
  const err = (facts as { err?: unknown } | null | undefined)?.err
  return err instanceof Error && message === undefined ? [facts, wordsOf(err)] : args
}
