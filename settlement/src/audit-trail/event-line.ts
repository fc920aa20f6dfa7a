import { type TrailDetails, type TrailEvent, termsOf } from './trail-event.ts'

/** An event as JSON has it: integers beyond 2⁵³ are digits. */
export function eventJson(event: TrailEvent) {
  const { id, kind, at, record, leaf, seal, details } = event
  const { models, amount, ...terms } = termsOf(event)
  return {
    id: id.toString(),
    kind,
    at,
    record,
    leaf: leaf?.toString() ?? null,
    seal,
    ...terms,
    models: [...models],
    amount: amount?.toString() ?? null,
    details: details === null ? null : detailsJson(details),
  }
}

/** As a line of a package, which has its time to be read and no number of our own. */
export function eventLine(event: TrailEvent): string {
  const { id: _id, at, ...rest } = eventJson(event)
  return `${JSON.stringify({ ...rest, at: new Date(at).toISOString() })}\n`
}

const detailsJson = (details: TrailDetails): Record<string, string | number | string[] | null> =>
  Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? value.toString() : isList(value) ? [...value] : value,
    ]),
  )

const isList = (value: unknown): value is readonly string[] => Array.isArray(value)
