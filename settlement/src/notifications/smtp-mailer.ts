import { createTransport, type Transporter } from 'nodemailer'
import { SettlementError } from '../errors.ts'
import { reachOf } from '../outbound/address-rules.ts'
import { isMailAddress } from './mail-address.ts'
import { type Mail, MailError, type Mailer } from './mailer.ts'

export interface SmtpOptions {
  /** `smtp://user@host:587` or `smtps://host:465`, without the password. */
  readonly url: string
  readonly password?: string
  /** Who the mails are from: a bare address. */
  readonly from: string
  readonly dkim?: {
    readonly domain: string
    readonly selector: string
    readonly privateKey: string
  }
  /** Certificate authorities besides those of Node, PEM. */
  readonly ca?: string
  /** Whether to send nothing without TLS; everywhere but on this machine, when not given. */
  readonly requireTls?: boolean
  readonly timeoutMs?: number
}

/** RFC 5321 would wait minutes; a server that needs longer is asked again later. */
const TIMEOUT_MS = 20_000
/** Providers allow a few connections; more would not be faster for mails of this size. */
const CONNECTIONS_MAX = 2
/** After so many mails a connection is made anew, for servers that end it then. */
const MAILS_PER_CONNECTION = 50
const TEXT_CHARS_MAX = 256 * 1024

/** @throws {SettlementError} HANSE_CONFIG_INVALID */
export function smtpMailer(options: SmtpOptions): Mailer & AsyncDisposable {
  const transport = transportOf(options)
  return {
    send: async (mail) => {
      check(mail)
      try {
        await transport.sendMail(envelopeOf(mail, options.from))
      } catch (error) {
        throw mailError(error)
      }
    },
    async [Symbol.asyncDispose]() {
      transport.close()
    },
  }
}

function transportOf(options: SmtpOptions): Transporter {
  const { from, password, dkim, ca, timeoutMs = TIMEOUT_MS } = options
  const url = URL.parse(options.url)
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    throw fault('smtpUrl is smtp://host:port or smtps://host:port')
  }
  if (url.password !== '') throw fault('the password of SMTP is a secret: HANSE_SMTP_PASSWORD')
  if (!isMailAddress(from)) throw fault('mailFrom is no mail address')
  const host = url.hostname.replace(/^\[|\]$/gu, '')
  const secure = url.protocol === 'smtps:'
  const isLocal = host === 'localhost' || reachOf(host) === 'loopback'
  const requireTls = options.requireTls ?? !isLocal
  const user = decodeURIComponent(url.username)
  return createTransport({
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    maxMessages: MAILS_PER_CONNECTION,
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && requireTls,
    // A server on this machine may offer TLS with a certificate of nobody.
    ...(!secure && !requireTls && { ignoreTLS: true }),
    tls: { minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) },
    ...(user !== '' && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // What is sent is text: no part of it names a file or an address to be read.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim !== undefined && {
      dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey },
    }),
  })
}

function envelopeOf(mail: Mail, from: string) {
  const { id, to, subject, text, html, unsubscribeUrl } = mail
  const domain = from.slice(from.lastIndexOf('@') + 1)
  return {
    from: { name: 'Hanse', address: from },
    to: { name: '', address: to },
    subject,
    text,
    ...(html !== undefined && { html }),
    // A repeat has the same, and many mailboxes show it once.
    ...(id !== undefined && { messageId: `<${id}@${domain}>` }),
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl !== undefined && {
        'List-Unsubscribe': `<${unsubscribeUrl}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }),
    },
  }
}

/** Nothing of a mail can become a header, a recipient or a command. */
function check({ id, to, subject, text, html = '', unsubscribeUrl = '' }: Mail): void {
  const isSound =
    isMailAddress(to) &&
    !/\p{Cc}/u.test(subject) &&
    /^[\w.-]{0,200}$/u.test(id ?? '') &&
    /^(?:https:\/\/[\x21-\x3b\x3d\x3f-\x7e]{1,2000})?$/u.test(unsubscribeUrl) &&
    text.length + html.length <= TEXT_CHARS_MAX
  if (!isSound) throw new MailError('the mail has an address or a header that is none', false)
}

/** What the server said is not told: it may quote the address. */
function mailError(error: unknown): MailError {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  const answer = typeof responseCode === 'number' ? responseCode : undefined
  const told = `${typeof code === 'string' ? code : ''} ${answer ?? ''}`.trim()
  // Only of this mail and its recipient a refusal is for good; a wrong password is mended some day.
  const isFinal =
    (code === 'EENVELOPE' || code === 'EMESSAGE') && answer !== undefined && answer >= 500
  return new MailError(`the mail server did not take it: ${told}`, !isFinal)
}

const fault = (message: string) => new SettlementError('HANSE_CONFIG_INVALID', message)
