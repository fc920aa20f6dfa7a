import type { RefusedSession } from '../receipts/claim.ts'

/** What of a result is counted. */
export interface CountedResult {
  readonly status: string
  readonly code?: string
  /** Of a statement. */
  readonly sessions?: Readonly<Record<string, number>>
  readonly refused?: readonly RefusedSession[]
}

/** How many sessions came to what since the process began: `booked`, `duplicate`, `superseded`, or the code of a refusal. */
export class IngestCounts {
  readonly #counts = new Map<string, number>()

  add(results: readonly CountedResult[]): void {
    for (const { status, code, sessions } of results) {
      if (code !== undefined) continue
      if (sessions === undefined) this.#add(status, 1)
      else for (const [name, count] of Object.entries(sessions)) this.#add(name, count)
    }
    for (const [code, count] of Object.entries(refusedIn(results))) this.#add(code, count)
  }

  get all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  #add(name: string, count: number): void {
    if (count > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }
}

/** The codes of refusals, with how often each. */
export function refusedIn(results: readonly CountedResult[]): Record<string, number> {
  const refused: Record<string, number> = {}
  const codes = results.flatMap((result) => [
    ...(result.code === undefined ? [] : [result.code]),
    ...(result.refused ?? []).map(({ code }) => code),
  ])
  for (const code of codes) refused[code] = (refused[code] ?? 0) + 1
  return refused
}
