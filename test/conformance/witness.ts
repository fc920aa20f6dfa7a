import { unbase64 } from './base.ts'
import { isEqual, Refused, sha256 } from './bytes.ts'
import { isConsistent } from './merkle.ts'
import {
  type Checkpoint,
  cosign,
  isNoteText,
  openCheckpoint,
  parseCheckpoint,
  parseKey,
} from './notes.ts'

/** C2SP tlog-witness, for a witness of some logs. */
export interface Witness {
  readonly name: string
  readonly seed: Uint8Array
  readonly time: bigint
  readonly logKeys: readonly string[]
}

export interface Answer {
  readonly status: number
  /** Of 200 and 409. */
  readonly body: string | null
}

const REQUEST = /^old (0|[1-9][0-9]{0,19})\n((?:[^\n]+\n){0,63})\n([\s\S]+)$/u

/** What a witness that has cosigned `latest` answers to a request. */
export function answer(witness: Witness, latest: string | null, request: string): Answer {
  const [matched, old = '', lines = '', note = ''] = REQUEST.exec(request) ?? []
  const proof = lines.split('\n').slice(0, -1).map(unbase64)
  const isRequest =
    matched !== undefined && isNoteText(request) && proof.every((hash) => hash?.length === 32)
  const claimed = isRequest ? attempt(() => parseCheckpoint(note)) : undefined
  if (claimed === undefined || BigInt(old) >= 2n ** 64n) return no(400)
  const keys = witness.logKeys.filter((key) => parseKey(key).name === claimed.origin)
  if (keys.length === 0) return no(404)
  const [next] = keys.flatMap((key) => attempt(() => openCheckpoint(note, key, [])) ?? [])
  if (next === undefined) return no(403)
  if (BigInt(old) > next.size) return no(400)
  const known = latest === null ? undefined : parseCheckpoint(latest)
  if (BigInt(old) !== (known?.size ?? 0n)) return { status: 409, body: `${known?.size ?? 0n}\n` }
  if (
    !follows(
      known,
      next,
      proof.flatMap((hash) => hash ?? []),
    )
  )
    return no(422)
  const text = note.slice(0, note.lastIndexOf('\n\n') + 1)
  return { status: 200, body: `${cosign(witness.name, witness.seed, text, witness.time)}\n` }
}

function follows(
  known: Checkpoint | undefined,
  next: Checkpoint,
  proof: readonly Uint8Array[],
): boolean {
  if (next.size === 0n && !isEqual(next.root, sha256())) return false
  if (known === undefined || known.size === 0n) return proof.length === 0
  return isConsistent({
    size1: known.size,
    size2: next.size,
    root1: known.root,
    root2: next.root,
    proof,
  })
}

const no = (status: number): Answer => ({ status, body: null })

function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
