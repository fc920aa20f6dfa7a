import {
  bytesEqual,
  cidOf,
  decodeCanonical,
  isSignatureValid,
  type LogKey,
  logKey,
  proveInclusionInLog,
  type Receipt,
  receipt,
  type Signature,
  settlementProof,
} from '@hanse/protocol'
import { carSections, type Section } from './car-sections.ts'

/** A receipt of a bundle as the page draws it, whether it is right or not. */
export type ChainLink = {
  readonly sequence: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: bigint
  readonly at: number
  readonly final: string | null
  /** Whether its bytes are what the file says they are. */
  readonly named: boolean
  /** Whether it names the receipt before it; the first names none. */
  readonly linked: boolean
  /** Who has signed exactly this. */
  readonly signedBy: readonly string[]
}

export type Inclusion = { readonly index: bigint; readonly size: bigint; readonly origin: string }

/** As the protocol has it. */
const manifestBytesMax = 4 * 2 ** 20

type Manifest = {
  readonly network: string
  readonly records: readonly { readonly kind: string; readonly signatures: readonly Signature[] }[]
}

/** The chain of a bundle, also of one that was changed: what cannot be read at all is left out. */
export function readChain(file: Uint8Array): ChainLink[] {
  const [root, ...blocks] = carSections(file)
  const manifest = root === undefined ? undefined : readManifest(root.bytes)
  const links: ChainLink[] = []
  let before: Section | undefined
  for (const [i, block] of blocks.entries()) {
    const value = readReceipt(block.bytes)
    if (value === undefined) continue
    const entry = manifest?.records[i]
    links.push({
      ...pick(value),
      named: bytesEqual(cidOf(block.bytes).bytes, block.name),
      linked: isLinked(value, before),
      signedBy: manifest === undefined ? [] : signers(manifest.network, block, entry?.signatures),
    })
    before = block
  }
  return links
}

/** Where the log has the session's settlement; undefined without a proof that holds. */
export function readInclusion(file: Uint8Array): Inclusion | undefined {
  try {
    const [root, ...blocks] = carSections(file)
    const manifest = root === undefined ? undefined : readManifest(root.bytes)
    if (manifest === undefined) return undefined
    const at = (kind: string) => manifest.records.findIndex((record) => record.kind === kind)
    const key = blocks[at('log-key')]
    const proof = blocks[at('settlement-proof')]
    const signatures = manifest.records[at('log-key')]?.signatures
    if (key === undefined || proof === undefined || signatures === undefined) return undefined
    const { index, checkpoint } = proveInclusionInLog(
      { network: manifest.network },
      settlementProof.decode(proof.bytes),
      { bytes: key.bytes, signatures },
    )
    return { index, size: checkpoint.size, origin: originOf(logKey.decode(key.bytes)) }
  } catch {
    return undefined
  }
}

const originOf = ({ vkey }: LogKey) => vkey.split('+')[0] ?? vkey

const pick = ({ sequence, inputTokens, outputTokens, amount, at, final }: Receipt) => ({
  sequence,
  inputTokens,
  outputTokens,
  amount,
  at,
  final,
})

function isLinked(value: Receipt, before: Section | undefined): boolean {
  if (before === undefined) return value.previous === null
  return value.previous !== null && bytesEqual(value.previous.bytes, cidOf(before.bytes).bytes)
}

function signers(
  network: string,
  { bytes }: Section,
  signatures: readonly Signature[] = [],
): readonly string[] {
  return signatures
    .filter((signature) => {
      try {
        return isSignatureValid({ network }, receipt, bytes, signature)
      } catch {
        return false
      }
    })
    .map(({ role }) => role)
}

function readReceipt(bytes: Uint8Array): Receipt | undefined {
  try {
    return receipt.decode(bytes)
  } catch {
    return undefined
  }
}

function readManifest(bytes: Uint8Array): Manifest | undefined {
  try {
    const value = decodeCanonical(bytes, manifestBytesMax) as Partial<Manifest> | null
    if (typeof value?.network !== 'string' || !Array.isArray(value.records)) return undefined
    return value as Manifest
  } catch {
    return undefined
  }
}
