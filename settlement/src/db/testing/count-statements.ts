import pg from 'pg'
import { vi } from 'vitest'

/** What PostgreSQL was asked meanwhile over any connection of this process, statement by statement. */
export async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const asked = vi.spyOn(pg.Client.prototype, 'query')
  try {
    await work()
    return asked.mock.calls.map(([query]) => textOf(query))
  } finally {
    asked.mockRestore()
  }
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
}
