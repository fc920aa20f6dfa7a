import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** 24 to 64, says Standard Webhooks. */
const SECRET_BYTES = 32

export const newSecret = (random: (length: number) => Uint8Array = randomBytes): string =>
  `whsec_${Buffer.from(random(SECRET_BYTES)).toString('base64')}`

/** What a link in a mail may do. */
export type LinkPurpose = 'confirm' | 'unsubscribe'

/** Only who reads the mailbox has it. @param until milliseconds since 1970 */
export function linkToken(
  channel: string,
  secret: string,
  purpose: LinkPurpose,
  until: number,
): string {
  return `${channel}.${until}.${macOf(channel, secret, purpose, until)}`
}

/** The channel that a token claims to be for, and until when; it proves nothing yet. */
export function readToken(token: string): { channel: string; until: number } | undefined {
  const [, channel, until] = /^(ch_[\w-]{1,64})\.(\d{1,16})\.[\w-]{43}$/u.exec(token) ?? []
  return channel === undefined || until === undefined
    ? undefined
    : { channel, until: Number(until) }
}

export function isToken(token: string, secret: string, purpose: LinkPurpose, now: number): boolean {
  const read = readToken(token)
  if (read === undefined || read.until < now) return false
  const given = Buffer.from(token)
  const right = Buffer.from(linkToken(read.channel, secret, purpose, read.until))
  return given.length === right.length && timingSafeEqual(given, right)
}

const macOf = (channel: string, secret: string, purpose: LinkPurpose, until: number): string =>
  createHmac('sha256', secret).update(`${purpose}\n${channel}\n${until}`).digest('base64url')
