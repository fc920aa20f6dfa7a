import type { SessionRow } from '../../store/node-store.ts'
import { usage } from '../log-options.ts'

export interface SessionFilter {
  /** A part of the model's id. */
  readonly model: string | undefined
  /** A part of the peer id. */
  readonly peer: string | undefined
  /** Not begun before, ms since 1970. */
  readonly since: number
}

/** @throws {HanseError} HANSE_CONFIG_INVALID */
export function filterOf(flags: Readonly<Record<string, unknown>>): SessionFilter {
  const text = (flag: unknown) => (typeof flag === 'string' ? flag : undefined)
  const { model, peer, since } = flags
  return { model: text(model), peer: text(peer), since: timeOf(text(since)) }
}

export function isWithin(filter: SessionFilter, row: SessionRow): boolean {
  const has = (whole: string, part: string | undefined) =>
    part === undefined || whole.toLowerCase().includes(part.toLowerCase())
  return has(row.model, filter.model) && has(row.peer, filter.peer) && row.startedAt >= filter.since
}

export function isEverything({ model, peer, since }: SessionFilter): boolean {
  return model === undefined && peer === undefined && since === 0
}

function timeOf(text: string | undefined): number {
  if (text === undefined) return 0
  const time = Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/u.test(text) && Number.isFinite(time)) return time
  throw usage('--since: a day such as 2026-11-21, or a time such as 2026-11-21T08:00:00Z')
}
