import { readFile } from 'node:fs/promises'
import { peerIdOf, publicKeyOf, signEd25519 } from '@hanse/protocol'
import { consumer, fromHex, signerFrom, toHex } from '@hanse/protocol/testing'
import { NAMES } from './json.ts'

/** Order of the base point, RFC 8032, 5.1. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const SPECCHECK = new URL(
  '../../protocol/src/identity/testdata/ed25519-edge-cases.json',
  import.meta.url,
)

export function keysFile() {
  const id = consumer.peerId
  return {
    about:
      'The peers of all vectors: Ed25519 keys from a seed of 32 equal bytes, and their peer ids. `refused` are texts that ' +
      'are no peer id.',
    peers: Object.fromEntries(
      NAMES.map((name, i) => {
        const seed = new Uint8Array(32).fill(i + 1)
        const { peerId } = signerFrom(i + 1)
        return [name, { seed: toHex(seed), publicKey: toHex(publicKeyOf(seed)), peerId }]
      }),
    ),
    refused: [
      { why: 'empty', text: '' },
      { why: 'cut short', text: id.slice(0, -1) },
      { why: 'a character more', text: `${id}1` },
      { why: 'a leading one', text: `1${id}` },
      { why: 'a character that base58 does not have', text: `${id.slice(0, -1)}0` },
      { why: 'an RSA id', text: 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' },
      { why: 'a key of small order', text: peerIdOf(fromHex(`01${'00'.repeat(31)}`)) },
      { why: 'a key that is not canonical', text: peerIdOf(fromHex(`ee${'ff'.repeat(30)}7f`)) },
    ],
  }
}

interface Case {
  readonly why: string
  readonly publicKey: string
  readonly message: string
  readonly signature: string
  readonly valid: boolean
}

export async function ed25519File() {
  const { vectors, low_order_encodings_hex: lowOrder } = JSON.parse(
    await readFile(SPECCHECK, 'utf8'),
  ) as {
    vectors: Record<'message_hex' | 'pub_key_hex' | 'signature_hex' | 'strict_expect', string>[]
    low_order_encodings_hex: string[]
  }
  return {
    about:
      'Signatures and whether they count, by the strict rule of docs/decisions/0003-strict-ed25519.md: canonical A and R, ' +
      'S below the group order, no point of small order, then the equation without a cofactor. The cases “speccheck” are ' +
      'those of github.com/novifinancial/ed25519-speccheck.',
    cases: [
      ...right(),
      ...spoiled(),
      ...lowOrder.flatMap(smallOrder),
      ...vectors.map((vector, i) => ({
        why: `speccheck ${i}`,
        publicKey: vector.pub_key_hex,
        message: vector.message_hex,
        signature: vector.signature_hex,
        valid: Boolean(vector.strict_expect),
      })),
    ],
  }
}

const seed = new Uint8Array(32).fill(1)
const publicKey = toHex(publicKeyOf(seed))
const message = toHex(new TextEncoder().encode('hanse'))
const signature = toHex(signEd25519(seed, fromHex(message)))
const [R, S] = [signature.slice(0, 64), signature.slice(64)]

function right(): Case[] {
  return ['', '00', message, 'ab'.repeat(1000)].map((text) => ({
    why: `a message of ${text.length / 2} bytes`,
    publicKey,
    message: text,
    signature: toHex(signEd25519(seed, fromHex(text))),
    valid: true,
  }))
}

function spoiled(): Case[] {
  const s = BigInt(`0x${reversed(S)}`)
  const flip = (hex: string) =>
    (Number.parseInt(hex.slice(0, 2), 16) ^ 1).toString(16).padStart(2, '0') + hex.slice(2)
  const cases: [string, string, string, string][] = [
    ['another message', publicKey, `${message}00`, signature],
    ['a bit of R', publicKey, message, flip(R) + S],
    ['a bit of S', publicKey, message, R + flip(S)],
    ['another key', toHex(publicKeyOf(new Uint8Array(32).fill(2))), message, signature],
    ['S and the group order', publicKey, message, R + littleEndian(s + ORDER)],
    ['S is the group order', publicKey, message, R + littleEndian(ORDER)],
    ['S is zero', publicKey, message, R + littleEndian(0n)],
    ['S of 256 bits', publicKey, message, R + 'ff'.repeat(32)],
    ['R above the prime', publicKey, message, `f0${'ff'.repeat(30)}7f${S}`],
    ['a key above the prime', `ee${'ff'.repeat(30)}7f`, message, signature],
    ['a key off the curve', `02${'00'.repeat(31)}`, message, signature],
    ['R off the curve', publicKey, message, `02${'00'.repeat(31)}${S}`],
    ['a key too short', publicKey.slice(2), message, signature],
    ['a signature too short', publicKey, message, signature.slice(2)],
    ['a signature too long', publicKey, message, `${signature}00`],
  ]
  return cases.map(([why, key, text, sig]) => ({
    why,
    publicKey: key,
    message: text,
    signature: sig,
    valid: false,
  }))
}

function smallOrder(encoding: string): Case[] {
  const zero = '00'.repeat(32)
  return [
    {
      why: 'a key of small order',
      publicKey: encoding,
      message,
      signature: encoding + zero,
      valid: false,
    },
    { why: 'R of small order', publicKey, message, signature: encoding + S, valid: false },
  ]
}

const reversed = (hex: string) => (hex.match(/../gu) ?? []).toReversed().join('')
const littleEndian = (value: bigint) => reversed(value.toString(16).padStart(64, '0'))
