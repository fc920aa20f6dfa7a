import { createHash } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { exportArchive } from './data-export.ts'

/** A run that says nothing for so long has died. */
const LEASE_MS = 5 * 60_000
/** Long enough to fetch it, and no longer: it is a copy of everything about somebody. */
export const KEEP_MS = 7 * 86_400_000
const PART_BYTES = 512 * 1024

type Context = Pick<SettlementContext, 'store' | 'now'>

/** Makes the exports that wait, one after the other. @returns how many were made, and how many failed */
export async function runDataExports(
  context: Context,
  signal: AbortSignal,
): Promise<{ made: number; failed: number }> {
  const { store, now } = context
  let [made, failed] = [0, 0]
  while (!signal.aborted) {
    const run = await store.claimDataExport(now(), LEASE_MS)
    if (run === undefined) break
    try {
      await runOne(context, run, signal)
      made++
    } catch (error) {
      failed++
      // A code and no words: what went wrong may name what is in the rows.
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'HANSE_INTERNAL'
      await store.failDataExport(run.id, run.attempt, code, now())
      if (signal.aborted || run.attempt < 2) break
    }
  }
  return { made, failed }
}

async function runOne(
  { store, now }: Context,
  {
    id,
    subject,
    attempt,
  }: { id: string; subject: Parameters<typeof exportArchive>[1]; attempt: number },
  signal: AbortSignal,
): Promise<void> {
  const archive = exportArchive(store, subject, {
    at: now(),
    signal,
    onProgress: async (progress) => {
      await store.tellExportProgress(id, attempt, progress, now() + LEASE_MS)
    },
  })
  const hash = createHash('sha256')
  let [bytes, parts, waiting] = [0, 0, [] as Buffer[]]
  const flush = async (): Promise<void> => {
    await store.addExportPart(id, parts++, Uint8Array.from(Buffer.concat(waiting)))
    waiting = []
  }
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.byteLength
    waiting.push(chunk)
    if (waiting.reduce((sum, one) => sum + one.byteLength, 0) >= PART_BYTES) await flush()
  }
  if (waiting.length > 0) await flush()
  const sha256 = hash.digest('hex')
  await store.endDataExport(id, attempt, { bytes, sha256, expiresAt: now() + KEEP_MS }, now())
}
