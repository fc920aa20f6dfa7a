import { type LogEventKind, parseCheckpoint, parseVerifierKey } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { Viewer } from './trail-event.ts'

/** What a page on the trail begins with: how much of what happened when, and how the log stands. */
export async function overview(
  { store, log }: SettlementContext,
  viewer: Viewer,
  period: { readonly from: number; readonly to: number },
  kinds?: readonly LogEventKind[],
) {
  const counts = await store.trailCounts(viewer, period.from, period.to, kinds)
  const head = await store.logHead()
  if (log === undefined || head === undefined) return { ...period, counts, log: null }
  const { size, root } = parseCheckpoint(head.note)
  const witnesses = (await store.logWitnesses()).map(({ vkey, size: seen }) => {
    const { name } = parseVerifierKey(vkey)
    return { name, size: seen.toString(), current: head.cosigned.includes(`\n— ${name} `) }
  })
  return {
    ...period,
    counts,
    log: {
      origin: log.origin,
      vkey: log.vkey,
      size: size.toString(),
      root: Buffer.from(root).toString('base64'),
      checkpoint: head.cosigned,
      witnesses,
    },
  }
}
