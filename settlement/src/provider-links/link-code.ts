import { createHash, randomBytes } from 'node:crypto'

/** Crockford's base 32: no letter of it is taken for a digit. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LETTERS = 10
const GROUP = 5
const PATTERN = new RegExp(`^[${ALPHABET}]{${LETTERS}}$`, 'u')
/** Long enough to walk over to the machine, and to install the program there first. */
export const CODE_MS = 30 * 60_000

export interface NewLinkCode {
  /** Fifty bits, as a person types them: `7K3MD-Q0W2E`. */
  readonly code: string
  readonly hash: Uint8Array
}

/** @param bytes random ones, at least ten */
export function newLinkCode(bytes: Uint8Array = randomBytes(LETTERS)): NewLinkCode {
  // 256 is eight times 32: every letter is as likely as any other.
  const letters = Array.from(bytes.subarray(0, LETTERS), (byte) => ALPHABET[byte % ALPHABET.length])
  const text = letters.join('')
  return { code: `${text.slice(0, GROUP)}-${text.slice(GROUP)}`, hash: hashLetters(text) }
}

/** The hash of a code as somebody typed it; `undefined` of what is none. */
export function hashOfTyped(typed: string): Uint8Array | undefined {
  const letters = typed
    .toUpperCase()
    .replaceAll(/[\s-]/gu, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/gu, '1')
  return PATTERN.test(letters) ? hashLetters(letters) : undefined
}

const hashLetters = (letters: string): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(`provider-link\n${letters}`).digest())
