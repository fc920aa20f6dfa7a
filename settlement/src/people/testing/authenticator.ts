import {
  createHash,
  createSign,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { isoCBOR } from '@simplewebauthn/server/helpers'

/** Flags of authenticator data (WebAuthn 3, 6.1). */
const PRESENT = 0x01
const VERIFIED = 0x04
const ATTESTED = 0x40

export interface Asking {
  readonly origin: string
  readonly rpId: string
  readonly challenge: string
  /** False as of a device that asked for no finger and no PIN. */
  readonly verifies?: boolean
}

/** A passkey in software: one ES256 key that counts its uses, as an authenticator and a browser make of it together. */
export class Authenticator {
  readonly id = randomBytes(32).toString('base64url')
  counter = 0
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#privateKey = privateKey
    this.#publicKey = publicKey
  }

  make(asking: Asking): RegistrationResponseJSON {
    const id = Buffer.from(this.id, 'base64url')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(id.length)
    const attested = Buffer.concat([Buffer.alloc(16), length, id, this.#cose()])
    const data = Buffer.concat([this.#data(asking, ATTESTED), attested])
    const attestation = isoCBOR.encode(
      new Map<string, string | Uint8Array | Map<string, string>>([
        ['fmt', 'none'],
        ['attStmt', new Map<string, string>()],
        ['authData', Uint8Array.from(data)],
      ]),
    )
    return {
      ...this.#credential(),
      response: {
        clientDataJSON: clientData('webauthn.create', asking).toString('base64url'),
        attestationObject: Buffer.from(attestation).toString('base64url'),
      },
    }
  }

  /** @param userHandle the person's id, as it was given when the passkey was made */
  use(asking: Asking, userHandle: string): AuthenticationResponseJSON {
    this.counter++
    const data = this.#data(asking, 0)
    const client = clientData('webauthn.get', asking)
    const signed = Buffer.concat([data, createHash('sha256').update(client).digest()])
    return {
      ...this.#credential(),
      response: {
        clientDataJSON: client.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: createSign('sha256').update(signed).sign(this.#privateKey).toString('base64url'),
        userHandle: Buffer.from(userHandle).toString('base64url'),
      },
    }
  }

  #credential() {
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key' as const,
      clientExtensionResults: {},
    }
  }

  #data({ rpId, verifies = true }: Asking, flags: number): Buffer {
    const head = Buffer.alloc(5)
    head.writeUInt8(PRESENT | (verifies ? VERIFIED : 0) | flags)
    head.writeUInt32BE(this.counter, 1)
    return Buffer.concat([createHash('sha256').update(rpId).digest(), head])
  }

  /** RFC 9053, 7.1: an EC2 key for ES256 on P-256. */
  #cose(): Uint8Array {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' })
    return isoCBOR.encode(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Uint8Array.from(Buffer.from(x, 'base64url'))],
        [-3, Uint8Array.from(Buffer.from(y, 'base64url'))],
      ]),
    )
  }
}

const clientData = (type: string, { origin, challenge }: Asking): Buffer =>
  Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
