import { createHash } from 'node:crypto'

/** An address of these says nothing of who else has one. */
const MAIL_PROVIDERS: ReadonlySet<string> = new Set([
  'aol.com',
  'gmail.com',
  'gmx.at',
  'gmx.ch',
  'gmx.de',
  'gmx.net',
  'free.fr',
  'fastmail.com',
  'hotmail.com',
  'hotmail.de',
  'hotmail.fr',
  'icloud.com',
  'laposte.net',
  'libero.it',
  'live.com',
  'mail.de',
  'mailbox.org',
  'me.com',
  'msn.com',
  'o2.pl',
  'onet.pl',
  'orange.fr',
  'outlook.com',
  'outlook.de',
  'posteo.de',
  'proton.me',
  'protonmail.com',
  'seznam.cz',
  't-online.de',
  'tuta.com',
  'tutanota.com',
  'web.de',
  'wp.pl',
  'yahoo.com',
  'yahoo.de',
  'yahoo.fr',
  'ziggo.nl',
])

/** People of one firm who each try it; more of one domain is somebody who makes up addresses. */
export const TRIALS_PER_DOMAIN = 3

export interface TrialClaim {
  /** SHA-256 of the mailbox: it is known again, but not kept. */
  readonly mailbox: Uint8Array
  readonly domain: string
  /** How many trials the domain has; null where everybody may have an address. */
  readonly placesMax: number | null
}

/** What a trial is counted under. Names after a plus sign, and dots where they mean nothing, are the same mailbox. */
export function trialClaim(email: string): TrialClaim {
  const at = email.lastIndexOf('@')
  const given = email.slice(at + 1).toLowerCase()
  const domain = given === 'googlemail.com' ? 'gmail.com' : given
  const [plain = ''] = email.slice(0, at).toLowerCase().split('+')
  const local = domain === 'gmail.com' ? plain.replaceAll('.', '') : plain
  return {
    mailbox: Uint8Array.from(createHash('sha256').update(`${local}@${domain}`).digest()),
    domain,
    placesMax: MAIL_PROVIDERS.has(domain) ? null : TRIALS_PER_DOMAIN,
  }
}
