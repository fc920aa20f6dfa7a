import type { SettlementContext } from '../context.ts'
import type { Job } from '../jobs/job.ts'

const EVERY_MS = 30_000

export const SESSION_NOTE_JOBS: readonly Job[] = [
  {
    name: 'session-notes',
    purpose: 'let usage and service levels know what nodes said of their sessions',
    schedule: { everyMs: EVERY_MS },
    work: async (context, signal) => ({ notes: await takeAllNotes(context, signal) }),
  },
]

/** @returns how many notes were new */
export async function takeAllNotes(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  signal?: AbortSignal,
): Promise<number> {
  let notes = 0
  for (let more = true; more && signal?.aborted !== true; ) {
    const taken = await store.takeNotes(now())
    notes += taken.notes
    more = taken.more
  }
  return notes
}
