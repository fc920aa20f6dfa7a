import { z } from 'zod'
import { parseProof, verifyProof } from '../../log/proof.ts'
import { cid, timestamp, word } from '../../record/fields.ts'
import { decodeCanonical } from '../../wire.ts'
import { entryOfEvent, logEvent } from '../event.ts'
import { auditEntry } from './audit-entry.ts'
import type { FileCheck, PackageContext } from './check-file.ts'
import { headOf } from './check-log-files.ts'
import { textOf } from './package-log.ts'
import { badPackage } from './zip.ts'

const BODY_BYTES_MAX = 4096
const DIGITS = 12

/** Where the event with this place in the log is in a package. */
export const eventPath = (leaf: bigint): string =>
  `events/${leaf.toString().padStart(DIGITS, '0')}.cbor`

/** What the events of all logs have. Those of a node have more, each kind its own. */
const anyEvent = z.looseObject({ kind: word(64), at: timestamp })

interface EventFacts {
  readonly kind: string
  readonly at: number
  readonly record: string | null
}

export function checkEvent(bytes: Uint8Array, context: PackageContext, name: string): FileCheck {
  const { body, salt, proof } = auditEntry.decode(bytes)
  const { kind, at } = factsOf(body, context)
  const { note, key } = headOf(context.log)
  const { index, checkpoint } = verifyProof(proof, entryOfEvent(salt, body), { logKey: key })
  if (parseProof(proof).checkpoint !== note) throw badPackage('under another checkpoint')
  if (index !== BigInt(name)) throw badPackage(`the proof is of entry ${index}`)
  const { logKey } = context.log
  if (logKey !== undefined && (at < logKey.notBefore || at >= logKey.notAfter)) {
    throw badPackage('the log had another key at that time')
  }
  const when = new Date(at).toISOString()
  return { detail: `${kind} of ${when} is entry ${index} of ${checkpoint.size}`, status: 'ok' }
}

function factsOf(body: Uint8Array, { manifest }: PackageContext): EventFacts {
  if (manifest.source === 'settlement') {
    const { kind, at, record } = logEvent.decode(body)
    return { kind, at, record: record?.toString() ?? null }
  }
  const parsed = anyEvent.safeParse(decodeCanonical(body, BODY_BYTES_MAX))
  if (!parsed.success) throw badPackage('not an event of a node’s log')
  const { kind, at, receipt } = parsed.data
  const record = cid.safeParse(receipt)
  return { kind, at, record: record.success ? record.data.toString() : null }
}

const eventLine = z.looseObject({
  leaf: z.string().regex(/^\d{1,20}$/u),
  kind: z.string(),
  at: z.string(),
})

/** One JSON object a line, in the order of the log: what the events tell, as whoever signed could open them. */
export function checkEventList(bytes: Uint8Array, context: PackageContext): FileCheck {
  const lines = textOf(bytes)
    .split('\n')
    .filter((line) => line !== '')
  for (const [i, text] of lines.entries()) {
    const line = eventLine.parse(JSON.parse(text))
    const stored = context.files.get(eventPath(BigInt(line.leaf)))
    if (stored === undefined) throw badPackage(`line ${i + 1} is of no event in the package`)
    const { kind, at } = factsOf(auditEntry.decode(stored).body, context)
    if (kind !== line.kind || new Date(at).toISOString() !== line.at) {
      throw badPackage(`line ${i + 1} tells something else than its event`)
    }
  }
  const events = [...context.files.keys()].filter((path) => path.startsWith('events/')).length
  if (lines.length !== events) throw badPackage(`${lines.length} lines for ${events} events`)
  return {
    detail: `${lines.length} events told; kinds and times are proved, what was sealed is on the word of whoever signed`,
    status: 'unproved',
  }
}
