import { SettlementError } from '../errors.ts'
import { type SmtpOptions, smtpMailer } from '../notifications/smtp-mailer.ts'
import type { Config, Secrets } from './config.ts'

/**
 * How this service sends mail; nothing where no server is set.
 *
 * @throws {SettlementError} HANSE_CONFIG_INVALID when something that belongs to it is missing
 */
export function smtpSetting(
  { smtpUrl, mailFrom, dkimDomain, dkimSelector }: Config,
  { smtpPassword, dkimKey }: Secrets,
): SmtpOptions | undefined {
  if (smtpUrl === undefined) return undefined
  if (mailFrom === undefined) throw missing('mailFrom')
  const dkim = dkimOf(dkimDomain, dkimSelector, dkimKey)
  const options: SmtpOptions = {
    url: smtpUrl,
    from: mailFrom,
    ...(smtpPassword !== undefined && { password: smtpPassword }),
    ...(dkim !== undefined && { dkim }),
  }
  // What is wrong with it is found at the start, not with the first mail.
  void smtpMailer(options)[Symbol.asyncDispose]()
  return options
}

function dkimOf(
  domain: string | undefined,
  selector: string | undefined,
  privateKey: string | undefined,
): SmtpOptions['dkim'] {
  if (domain === undefined && selector === undefined && privateKey === undefined) return undefined
  if (domain === undefined) throw missing('dkimDomain')
  if (selector === undefined) throw missing('dkimSelector')
  if (privateKey === undefined) throw missing('HANSE_DKIM_KEY')
  return { domain, selector, privateKey }
}

const missing = (what: string) =>
  new SettlementError('HANSE_CONFIG_INVALID', `${what}: is needed for what is set beside it`)
