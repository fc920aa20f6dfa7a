import { randomBytes } from 'node:crypto'
import {
  encodeCanonical,
  LEAF_SALT_BYTES,
  logEvent,
  parseRecordCid,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'
import type { Database } from '../db/database.ts'
import { fillStatement } from '../db/fill-statement.ts'
import type { ErasureFact, LogFact } from './log-fact.ts'
import { type RandomBytes, type SubjectKey, subjectKeys } from './subject-keys.ts'

/** Writes the rows of `{events}`: see `sealedEvents` and `fillStatement`. What is told again of the same record is not told twice. */
export const INSERT_EVENTS = `
insert into log_event (kind, record, body, salt, subject, at)
  select kind, record, decode(body, 'base64'), decode(salt, 'base64'), decode(subject, 'base64'), {at}
  from {events} as x(kind text, record text, body text, salt text, subject text)
  on conflict do nothing`

/** Writes events for the sequencer, inside the transaction that does what they tell of. */
export async function writeEvents(
  tx: Database,
  facts: readonly (LogFact | ErasureFact)[],
  at: number,
  random: RandomBytes = randomBytes,
): Promise<void> {
  if (facts.length === 0) return
  const owners = facts.flatMap(({ owner }) => owner ?? [])
  const events = sealedEvents(facts, await subjectKeys(tx, owners, at, random), at, random)
  await tx.execute(fillStatement(INSERT_EVENTS, { events }, at))
}

/** Events as `INSERT_EVENTS` takes them. @param keys of all owners */
export function sealedEvents(
  facts: readonly (LogFact | ErasureFact)[],
  keys: ReadonlyMap<string, SubjectKey>,
  at: number,
  random: RandomBytes = randomBytes,
): object[] {
  return facts.map((fact) => {
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
