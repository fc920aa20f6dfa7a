import { randomBytes } from 'node:crypto'
import {
  encodeCanonical,
  LEAF_SALT_BYTES,
  logEvent,
  parseRecordCid,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import type { ErasureFact, LogFact } from './log-fact.ts'
import { type RandomBytes, type SubjectKey, subjectKeys } from './subject-keys.ts'

/**
 * Writes events for the sequencer, inside the transaction that does what they tell of. What is told again of the same
 * record is not told twice.
 */
export async function writeEvents(
  tx: Database,
  facts: readonly (LogFact | ErasureFact)[],
  at: number,
  random: RandomBytes = randomBytes,
): Promise<void> {
  if (facts.length === 0) return
  const owners = facts.flatMap(({ owner }) => owner ?? [])
  const keys = await subjectKeys(tx, owners, at, random)
  const rows = facts.map((fact) => {
    const key = keys.get(fact.owner ?? '')
    const subject = 'subject' in fact ? fact.subject : (key?.subject ?? null)
    return {
      kind: fact.kind,
      record: fact.record,
      body: base64(bodyOf(fact, key, subject, at, random)),
      salt: base64(random(LEAF_SALT_BYTES)),
      subject: subject && base64(subject),
    }
  })
  await tx.execute(
    sql`insert into log_event (kind, record, body, salt, subject, at)
      select kind, record, decode(body, 'base64'), decode(salt, 'base64'), decode(subject, 'base64'),
        ${new Date(at).toISOString()}::timestamptz
      from ${recordset(rows, 'x(kind text, record text, body text, salt text, subject text)')}
      on conflict do nothing`,
  )
}

function bodyOf(
  { kind, record, details }: LogFact,
  key: SubjectKey | undefined,
  subject: Uint8Array | null,
  at: number,
  random: RandomBytes,
): Uint8Array {
  const sealed =
    key === undefined || details === null
      ? null
      : sealPersonal(key.key, random(SEAL_NONCE_BYTES), encodeCanonical({ ...details }))
  return logEvent.encode({
    kind,
    at,
    record: record === null ? null : parseRecordCid(record),
    sealed,
    subject,
  })
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
