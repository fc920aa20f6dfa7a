import { openPersonal } from '@hanse/protocol'
import { dutyToOpen } from '../backup/duty-key.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { DocumentContent } from './document.ts'
import { readDocument } from './document-schema.ts'
import { openBox, publicDutyKey } from './duty-box.ts'
import type { RestrictedDocument } from './seal-store.ts'
import { hashOf } from './stored-document.ts'

/** For what a document of who was erased may be opened: what the law keeps it for. */
export const DUTIES = ['tax-audit', 'authority', 'court', 'bookkeeping'] as const
export type Duty = (typeof DUTIES)[number]

export interface DutyOpening {
  readonly number: string
  readonly duty: Duty
  /** The audit, the case, or the booking that it is for. */
  readonly reference: string
  /** Id of the operator. */
  readonly by: string
  /** From where they asked. */
  readonly address: string | null
}

/**
 * Opens a document of who was erased, and writes down who did so and for what before anybody reads it.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND when there is no such document, or its key is destroyed; HANSE_REQUEST_INVALID when
 * nobody was erased, HANSE_DUTY_KEY when the duty key is not in this vault
 */
export async function openForDuty(
  context: Pick<SettlementContext, 'store' | 'vault' | 'now' | 'euAudit'>,
  opening: DutyOpening,
): Promise<DocumentContent> {
  const { store, now, euAudit } = context
  const { number } = opening
  const restricted = await store.restrictedDocument(number)
  if (restricted === undefined) throw await notRestricted(context, number)
  const content = openPersonal(await keyOf(context, restricted), restricted.sealed)
  if (!Buffer.from(hashOf(content)).equals(Buffer.from(restricted.sha256))) {
    throw new SettlementError('HANSE_INTERNAL', `${number} is not what was issued`)
  }
  await store.recordOpening(opening, { at: now(), isLogged: euAudit })
  return readDocument(content)
}

async function keyOf(
  { vault }: Pick<SettlementContext, 'vault'>,
  { key, boxed, duty }: RestrictedDocument,
): Promise<Uint8Array> {
  if (key !== null) return key
  if (boxed === null || duty === null)
    throw new SettlementError('HANSE_NOT_FOUND', 'no key is left')
  const secret = vault === undefined ? undefined : await dutyToOpen(vault)
  const isThisOne =
    secret !== undefined && Buffer.from(publicDutyKey(secret)).equals(Buffer.from(duty))
  if (isThisOne) return openBox(secret, boxed)
  const wanted = Buffer.from(duty).toString('hex')
  throw new SettlementError('HANSE_DUTY_KEY', `the vault has no duty key for ${wanted}`)
}

async function notRestricted(
  { store }: Pick<SettlementContext, 'store'>,
  number: string,
): Promise<SettlementError> {
  const stored = await store.document(number)
  return stored === undefined || stored.content === null
    ? new SettlementError('HANSE_NOT_FOUND', `no document ${number}`)
    : new SettlementError('HANSE_REQUEST_INVALID', `${number} needs no opening: read it`)
}
