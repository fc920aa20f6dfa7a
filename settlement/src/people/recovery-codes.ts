import { createHash, randomBytes } from 'node:crypto'

/** As many as people print on one card. */
export const RECOVERY_CODES = 10
/** 80 bits: nobody guesses one, however slowly codes are hashed. */
const CODE_BYTES = 10
/** Without i, l, o and u: read aloud or by hand, none is taken for another (Crockford's base 32). */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export const newRecoveryCodes = (): string[] => Array.from({ length: RECOVERY_CODES }, newCode)

/** What is stored. Of two people with the same code, which never happens, the hashes differ. */
export function hashRecoveryCode(person: string, code: string): Uint8Array {
  const plain = code.toLowerCase().replace(/[^0-9a-z]/gu, '')
  return Uint8Array.from(createHash('sha256').update(`${person}\n${plain}`).digest())
}

function newCode(): string {
  const bits = [...randomBytes(CODE_BYTES)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  const letters = bits.match(/.{5}/gu) ?? []
  const code = letters.map((five) => ALPHABET[Number.parseInt(five, 2)]).join('')
  return code.match(/.{4}/gu)?.join('-') ?? code
}
