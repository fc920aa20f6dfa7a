import {
  type Audit,
  type AuditOptions,
  asHanseError,
  auditTiles,
  type Disagreement,
  type ErrorCode,
  type OpenCheckpoint,
  openCheckpoint,
  parseVerifierKey,
} from '@hanse/protocol'
import { compareCheckpoint, type SeenCheckpoint } from './compare-checkpoint.ts'
import { lookAhead } from './look-ahead.ts'
import { checkOtherTiles } from './other-tiles.ts'
import { type LogReport, ReportDraft } from './report.ts'
import { type LogSource, textOf } from './source.ts'

export type EntriesMode = 'auto' | NonNullable<AuditOptions['entries']>

export interface VerifyOptions {
  /** Key of the log. */
  readonly vkey: string
  readonly witnessKeys?: readonly string[]
  /** How many of the witnesses must have cosigned; all by default. */
  readonly quorum?: number
  /** `auto`, the default, requires all entries where there are any. The others are those of `auditTiles`. */
  readonly entries?: EntriesMode
  /** Checkpoints of this log that somebody saw. */
  readonly seen?: readonly SeenCheckpoint[]
  /** Told after each tile or bundle that was read. */
  readonly onProgress?: (resources: number, size: bigint) => void
}

export interface VerifiedLog {
  readonly report: LogReport
  /** The signed checkpoint, when every check holds. */
  readonly checkpoint?: string
}

/**
 * Checks a log from outside: its signature, its tiles and entries against its root, and that it continues every
 * checkpoint that was seen. What is wrong with the log is in the report; nothing that a log can hold makes this throw.
 */
export async function verifyLog(source: LogSource, options: VerifyOptions): Promise<VerifiedLog> {
  const draft = new ReportDraft()
  const opened = await openHead(source, options, draft)
  if (opened === undefined) return { report: draft.report() }
  const { head, note } = opened
  checkCosignatures(head, options, draft)
  const isWhole = await checkTiles(source, head, options, draft)
  for (const seen of options.seen ?? []) {
    await compareCheckpoint(source, { ...head, note }, seen, { vkey: options.vkey, isWhole }, draft)
  }
  const { origin, size } = head
  const report = draft.report({ origin, size, root: rootText(head) })
  return { report, ...(report.verified ? { checkpoint: note } : {}) }
}

async function openHead(
  source: LogSource,
  { vkey, witnessKeys = [] }: VerifyOptions,
  draft: ReportDraft,
): Promise<{ head: OpenCheckpoint; note: string } | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await source.checkpoint()
  } catch (error) {
    failWith(draft, 'checkpoint', error)
    return undefined
  }
  try {
    const head = openCheckpoint(bytes, vkey, witnessKeys)
    draft.ok('origin', head.origin)
    draft.ok('signature', `by ${head.signature.name}+${head.signature.keyId}`)
    draft.ok('size', `${head.size} entries`)
    return { head, note: textOf(bytes) }
  } catch (error) {
    const { code } = asHanseError(error)
    const id = code === 'HANSE_LOG_ORIGIN' ? 'origin' : SIGNATURE_CODES.get(code)
    failWith(draft, id ?? 'checkpoint', error)
    return undefined
  }
}

const SIGNATURE_CODES = new Map<ErrorCode, string>([
  ['HANSE_LOG_SIGNATURE', 'signature'],
  ['HANSE_LOG_UNSIGNED', 'signature'],
])

function checkCosignatures(
  { cosignatures, unverified }: OpenCheckpoint,
  { witnessKeys = [], quorum = witnessKeys.length }: VerifyOptions,
  draft: ReportDraft,
): void {
  if (witnessKeys.length === 0) {
    const others = unverified.length === 0 ? '' : `; ${unverified.length} by keys not asked for`
    draft.unproved('cosignatures', `no witness was named (--witness)${others}`)
    return
  }
  const names = cosignatures.map(({ name, timestamp }) => `${name} at ${timeOf(timestamp)}`)
  const found = `${cosignatures.length} of ${witnessKeys.length} witnesses, ${quorum} needed`
  const detail = names.length === 0 ? found : `${found}: ${names.join(', ')}`
  if (cosignatures.length >= quorum) draft.ok('cosignatures', detail)
  else draft.fail('cosignatures', 'HANSE_LOG_QUORUM', detail)
}

/** @returns whether the tiles make up the signed root: only then they can prove anything else */
async function checkTiles(
  source: LogSource,
  head: OpenCheckpoint,
  { onProgress, entries: mode = 'auto' }: VerifyOptions,
  draft: ReportDraft,
): Promise<boolean> {
  let resources = 0
  const counted = async (path: string) => {
    const bytes = await source.tile(path)
    onProgress?.(++resources, head.size)
    return bytes
  }
  let audit: Audit
  let wanted: AuditOptions['entries']
  try {
    const hasEntries = mode !== 'auto' || (await source.hasEntries(head.size))
    wanted = mode !== 'auto' ? mode : hasEntries ? 'require' : 'ignore'
    const { fetchAhead: count = 0 } = source
    const ahead = { entries: wanted !== 'ignore', count }
    const fetch = count === 0 ? counted : lookAhead(counted, head.size, ahead)
    audit = await auditTiles(fetch, head, { entries: wanted })
  } catch (error) {
    failWith(draft, 'tiles', error)
    return false
  }
  const of = (isOf: (path: string) => boolean) => audit.disagreements.filter((d) => isOf(d.path))
  const entries = of((path) => path.startsWith('tile/entries/'))
  const tiles = of((path) => !path.startsWith('tile/entries/') && path !== 'checkpoint')
  const root = of((path) => path === 'checkpoint')
  reportAll(draft, 'tiles', tiles, `${audit.tilesChecked} agree`)
  if (tiles.length > 0) draft.unproved('root', `${rootText(head)}, not compared: tiles are wrong`)
  else reportAll(draft, 'root', root, rootText(head))
  if (wanted === 'ignore' && head.size > 0n) {
    const why = mode === 'ignore' ? 'not looked at' : 'none here: the log keeps them elsewhere'
    draft.unproved('entries', why)
  } else {
    const some = audit.entriesChecked < head.size ? ` of ${head.size}` : ''
    reportAll(
      draft,
      'entries',
      entries,
      `${audit.entriesChecked}${some} are the leaves of the tree`,
    )
  }
  const isWhole = tiles.length + root.length === 0
  if (isWhole) await checkOtherTiles(source, head.size, draft)
  return isWhole
}

function reportAll(
  draft: ReportDraft,
  id: string,
  disagreements: readonly Disagreement[],
  detail: string,
): void {
  for (const { path, code, reason } of disagreements) {
    draft.fail(id, code, path === 'checkpoint' ? reason : `${path}: ${reason}`)
  }
  if (disagreements.length === 0) draft.ok(id, detail)
}

function failWith(draft: ReportDraft, id: string, error: unknown): void {
  const { code, message } = asHanseError(error)
  draft.fail(id, code, message)
}

function rootText({ root }: Pick<OpenCheckpoint, 'root'>): string {
  return Buffer.from(root).toString('base64')
}

/** A witness may write any 63-bit number; a date goes up to the year 275760. */
function timeOf(seconds: bigint | undefined): string {
  const date = new Date(Number(seconds ?? 0n) * 1000)
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString()
}

/**
 * What is wrong with keys that a caller gave, or `undefined`. One public key under two names would count twice.
 */
export function faultOfKeys(vkey: string, witnessKeys: readonly string[]): string | undefined {
  try {
    if (parseVerifierKey(vkey).kind !== 'ed25519')
      return 'the key of a witness is not that of a log'
    const witnesses = witnessKeys.map(parseVerifierKey)
    if (witnesses.some(({ kind }) => kind === 'ed25519')) {
      return 'the key of a log is not that of a witness'
    }
    const keys = new Set(witnesses.map(({ publicKey }) => Buffer.from(publicKey).toString('hex')))
    return keys.size < witnesses.length ? 'a witness is given twice' : undefined
  } catch (error) {
    return asHanseError(error).message
  }
}
