/** The values of a field to choose from, each once, in order. */
export function choices<Field extends string>(
  rows: readonly Readonly<Record<Field, string>>[],
  field: Field,
): string[] {
  return [...new Set(rows.map((row) => row[field]))].toSorted()
}
