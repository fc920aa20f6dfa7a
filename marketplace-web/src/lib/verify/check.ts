import {
  type Check as BundleCheck,
  type BundleReport,
  decodeCanonical,
  HanseError,
  isSignatureValid,
  RECORD_BYTES_MAX,
  receipt,
  type Signature,
  type SignedRecord,
  signedRecordSchema,
  verifyBundle,
} from '@hanse/protocol'
import { type ChainLink, type Inclusion, readChain, readInclusion } from './read-chain.ts'

export type Trust = {
  readonly network?: string
  /** Peer ids of settlements and attestors whose word counts. */
  readonly peers?: readonly string[]
  /** A checkpoint's signed note from another time. */
  readonly checkpoint?: string
}

export type ReceiptCheckId = 'form' | 'provider' | 'consumer'
export type CheckLine = {
  readonly id: BundleCheck['id'] | ReceiptCheckId
  readonly status: BundleCheck['status']
  readonly detail: string
}

export type Outcome = {
  readonly kind: 'bundle' | 'receipt'
  readonly verified: boolean
  readonly lines: readonly CheckLine[]
  readonly summary: BundleReport['summary'] | undefined
  readonly chain: readonly ChainLink[]
  readonly inclusion: Inclusion | undefined
}

/** Where the command line names its flag, the page has a field. */
const flagOfCli = / \(pass --trust [^)]*\)/u

/** Checks a bundle, or one receipt with its two signatures. What is wrong is a failed line; it throws for nothing. */
export function check(bytes: Uint8Array, trust: Trust): Outcome {
  const single = readSigned(bytes)
  return single === undefined ? checkBundle(bytes, trust) : checkReceipt(single, trust)
}

function checkBundle(bytes: Uint8Array, { network, peers = [], checkpoint }: Trust): Outcome {
  const report = verifyBundle(bytes, {
    ...(network !== undefined && { network }),
    ...(peers.length > 0 && { attestors: peers, settlements: peers }),
    ...(checkpoint !== undefined && { checkpoint: { note: checkpoint } }),
  })
  return {
    kind: 'bundle',
    verified: report.verified,
    lines: report.checks.map((line) => ({ ...line, detail: line.detail.replace(flagOfCli, '') })),
    summary: report.summary,
    chain: readChain(bytes),
    inclusion: report.verified ? readInclusion(bytes) : undefined,
  }
}

/** A receipt alone says who signed what; whether it belongs to an order only its bundle shows. */
export function checkReceipt(signed: SignedRecord, { network = 'mainnet' }: Trust): Outcome {
  const nothing = { kind: 'receipt', summary: undefined, inclusion: undefined } as const
  let value: ReturnType<typeof receipt.decode>
  try {
    value = receipt.decode(signed.bytes)
  } catch (error) {
    const detail = error instanceof HanseError ? `${error.code}: ${error.message}` : 'unreadable'
    return {
      ...nothing,
      verified: false,
      lines: [{ id: 'form', status: 'failed', detail }],
      chain: [],
    }
  }
  const form = {
    id: 'form',
    status: 'ok',
    detail: `hanse.receipt.v1, number ${value.sequence}`,
  } as const
  const lines: CheckLine[] = [
    form,
    ...(['provider', 'consumer'] as const).map((role) => signedAs(role)),
  ]
  const signedBy = signed.signatures.filter(isValid).map(({ role }) => role)
  const { sequence, inputTokens, outputTokens, amount, at, final } = value
  const link = { sequence, inputTokens, outputTokens, amount, at, final, named: true, linked: true }
  return {
    ...nothing,
    verified: lines.every(({ status }) => status === 'ok'),
    lines,
    chain: [{ ...link, signedBy }],
  }

  function isValid(signature: Signature): boolean {
    try {
      return isSignatureValid({ network }, receipt, signed.bytes, signature)
    } catch {
      return false
    }
  }

  function signedAs(role: 'provider' | 'consumer'): CheckLine {
    const [one, another] = signed.signatures.filter((signature) => signature.role === role)
    if (one === undefined) return { id: role, status: 'failed', detail: `no signature as ${role}` }
    if (another !== undefined)
      return { id: role, status: 'failed', detail: `two signatures as ${role}` }
    return isValid(one)
      ? { id: role, status: 'ok', detail: `${one.signer}, on network ${network}` }
      : {
          id: role,
          status: 'failed',
          detail: `not a signature of ${one.signer} on network ${network}`,
        }
  }
}

/** A record, and two signatures of some hundred bytes each. */
const signedBytesMax = RECORD_BYTES_MAX + 1024

/** A record with its signatures as it travels; undefined for what is none. */
function readSigned(bytes: Uint8Array): SignedRecord | undefined {
  try {
    const read = signedRecordSchema.safeParse(decodeCanonical(bytes, signedBytesMax))
    return read.success ? read.data : undefined
  } catch {
    return undefined
  }
}
