/** One message to one person. */
export interface Mail {
  /** The same in each try, of letters, digits, `_`, `-` and `.`: receivers tell repeats by it. */
  readonly id?: string
  /** A bare address, `name@example.org`. */
  readonly to: string
  /** One line. */
  readonly subject: string
  readonly text: string
  /** The same as `text`, for readers that show HTML. */
  readonly html?: string
  /** Where the reader ends such mails with one click (RFC 8058); an https address. */
  readonly unsubscribeUrl?: string
}

/** Sends mail, or says why not. */
export interface Mailer {
  /** @throws {MailError} when the server did not take it */
  send(mail: Mail): Promise<void>
}

/** A mail that was not sent. Its message names neither who it was for nor what it said. */
export class MailError extends Error {
  override readonly name = 'MailError'
  /** Whether it may go later: false when the server will never take it. */
  readonly temporary: boolean

  constructor(message: string, temporary: boolean, options?: ErrorOptions) {
    super(message, options)
    this.temporary = temporary
  }
}
