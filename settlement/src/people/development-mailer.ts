import type { FastifyBaseLogger } from 'fastify'
import type { Mailer } from '../notifications/mailer.ts'

/**
 * Writes mails into the log instead of sending them, so that an account can be opened on a laptop. Their links open accounts:
 * only for an installation on the built-in Stripe double, where no money is real.
 */
export function developmentMailer(logger: FastifyBaseLogger): Mailer {
  return {
    send: async ({ to, subject, text }) => {
      logger.warn({ to, subject, text }, 'no mail server is set: this mail was not sent')
    },
  }
}
