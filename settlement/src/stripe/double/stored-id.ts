import assert from 'node:assert/strict'

/** The id in a field that may be expanded in answers: what is stored holds ids. Empty for none. */
export function storedId(field: string | object | null | undefined): string {
  assert(typeof field !== 'object' || field === null)
  return field ?? ''
}
