import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { emitEvents } from './emit.ts'

/** Why a mailbox is told no more: its owner cannot change that, only its reader. */
export const READER_STOPPED = 'its reader wants no more'

/**
 * Sends no more to a channel, and tells its owner over the others. What waits for it can be sent again once it is back.
 *
 * @param reason for its owner to read
 */
export async function disableChannel(
  tx: Database,
  id: string,
  reason: string,
  at: number,
): Promise<void> {
  const when = sql`${new Date(at).toISOString()}::timestamptz`
  const [row] = await rows<{ organization: string | null; name: string; kind: string }>(
    tx,
    sql`update notification_channel set state = 'disabled', reason = ${reason}, updated_at = ${when}
      where id = ${id} and state <> 'disabled' returning organization, name, kind`,
  )
  if (row === undefined) return
  await giveUpWaiting(tx, id, at)
  const { organization, name, kind } = row
  const disabled = { organization, kind: 'channel.disabled' as const, subject: name }
  await emitEvents(
    tx,
    [{ ...disabled, cause: `${id} ${at}`, facts: { channel: kind, reason } }],
    at,
  )
}

/** Old news does not come all at once when the channel is back. */
export async function giveUpWaiting(tx: Database, channel: string, at: number): Promise<void> {
  await tx.execute(
    sql`update notification_delivery set state = 'dead', failure = 'the channel is switched off',
      ended_at = ${new Date(at).toISOString()}::timestamptz, leased_until = null
      where channel = ${channel} and state = 'waiting'`,
  )
}
