import {
  type ConsumerFrame,
  encodeCanonical,
  encodeFrame,
  encodeLine,
  encodeStatementFrame,
  type ProposeFrame,
  type ProviderFrame,
  type StatementAnswer,
  signedFields,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { boundariesOf } from './boundaries.ts'
import { changeOf } from './change.ts'
import { FRAME_SCHEMAS } from './frame-schemas.ts'
import { tagged } from './json.ts'
import { samples, varint } from './records.ts'
import type { Schema } from './schema.ts'
import { chain } from './statements.ts'

const { PROMPT, SECRET, toHex } = make

export function framesFile() {
  return {
    about:
      'Frames by who sends them: a consumer or a provider in a session, a provider that proposes a Statement, and a ' +
      'consumer that answers one. `wire` is the frame with its length before it, as it travels. `cases` differ from the ' +
      'frame in one place, as in limits.json.',
    from: Object.fromEntries(
      Object.entries(frames()).map(([from, ofSide]) => [
        from,
        ofSide.map((frame) => shown(from, frame)),
      ]),
    ),
  }
}

type AnyFrame = ConsumerFrame | ProviderFrame | ProposeFrame | StatementAnswer

function shown(from: string, frame: AnyFrame) {
  const bytes = encodeCanonical(frame)
  return {
    fields: tagged(frame),
    bytes: toHex(bytes),
    wire: toHex(Uint8Array.of(...varint(bytes.byteLength), ...bytes)),
    cases: cases(FRAME_SCHEMAS[from] ?? 'boolean', frame, bytes),
  }
}

function cases(schema: Schema, frame: AnyFrame, base: Uint8Array) {
  const changed = boundariesOf(schema, frame).map(
    ({ why, value, isRefused }) => [why, encodeCanonical(value), isRefused] as const,
  )
  const all = [
    ...changed,
    ['another frame', encodeCanonical({ ...frame, t: 'none' }), true] as const,
    ['cut short', base.subarray(0, -1), true] as const,
    ['a byte after it', Uint8Array.of(...base, 0), true] as const,
  ]
  return all.map(([why, bytes, isRefused]) => ({
    why,
    code: isRefused ? 'HANSE_FRAME_MALFORMED' : null,
    ...changeOf(base, bytes),
  }))
}

/** Every frame, by who sends it. */
export function frames() {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  const [receipt] = make.makeReceipts(ordered, accepted)
  const [ours, theirs] = receipt?.signatures ?? []
  const [stated] = chain()
  if (receipt === undefined || ours === undefined || theirs === undefined || stated === undefined) {
    throw new Error('no receipt')
  }
  const recordOf = (name: string) => {
    const found = samples().find((sample) => sample.name === name)
    if (found === undefined) throw new Error(`no ${name}`)
    return signedFields(found.record)
  }
  const consumer: ConsumerFrame[] = [
    {
      t: 'order',
      order: signedFields(ordered),
      authorization: signedFields(make.makeAuthorization()),
      secret: SECRET,
      trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    { t: 'prompt', part: PROMPT, last: true },
    { t: 'countersign', sequence: 0n, signature: theirs.signature },
    { t: 'refuse', sequence: 3n, code: 'HANSE_RECEIPT_AMOUNT' },
    { t: 'cancel' },
  ]
  const provider: ProviderFrame[] = [
    { t: 'accept', acceptance: signedFields(accepted) },
    { t: 'quote', quote: recordOf('quote') },
    { t: 'reject', rejection: recordOf('rejection') },
    {
      t: 'delta',
      first: 7n,
      items: [
        [1, PROMPT],
        [0, new Uint8Array(0)],
      ],
    },
    { t: 'receipt', bytes: receipt.bytes, signature: ours.signature },
  ]
  const [proposed] = stated.signatures
  const [, countersigned] = stated.signatures
  if (proposed === undefined || countersigned === undefined) throw new Error('not signed')
  const proposal: ProposeFrame = {
    t: 'propose',
    statement: signedFields({ bytes: stated.bytes, signatures: [proposed] }),
    lines: stated.lines.map(encodeLine),
  }
  const answers: StatementAnswer[] = [
    { t: 'countersign', sequence: 0n, signature: countersigned.signature },
    { t: 'refuse', sequence: 2n ** 63n - 1n, code: 'HANSE_STATEMENT_SESSION' },
  ]
  for (const frame of [...consumer, ...provider]) same(frame, encodeFrame(frame))
  for (const frame of [proposal, ...answers]) same(frame, encodeStatementFrame(frame))
  return {
    consumer,
    provider,
    'statement-proposal': [proposal],
    'statement-answer': answers,
  }
}

/** Frames are nothing but their fields. */
function same(frame: AnyFrame, bytes: Uint8Array): void {
  if (toHex(encodeCanonical(frame)) !== toHex(bytes)) throw new Error(`frame ${frame.t}`)
}
