/**
 * What a migration may not do while an older release still runs on the database, as happens in every rolling restart. The
 * way is: expand (add), release, migrate the data, release, contract (remove). A file that contracts says so, and since
 * which release nothing uses what it removes, in a line such as `-- contract: 0.4.0 nothing reads spend.limit`.
 */
const CONTRACT = /^--\s*contract:\s*(\d+\.\d+\.\d+)\s+\S/mu

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [
    /\bdrop\s+(?:materialized\s+)?(?:table|view|column|function|sequence|type|schema)\b/u,
    'drops what an older release may use',
  ],
  // `alter table t drop x` drops a column, with or without the word.
  [
    /\balter\s+table\b[^;]*\bdrop\s+(?!constraint\b|default\b|not\s+null\b|column\b|identity\b|expression\b)\w/u,
    'drops a column',
  ],
  [/\brename\b/u, 'renames what an older release may use'],
  [/\balter\s+(?:column\s+)?\w+\s+(?:set\s+data\s+)?type\b/u, 'changes the type of a column'],
  [/\bset\s+not\s+null\b/u, 'refuses rows that an older release writes'],
  [
    /\badd\s+column\s+(?:if\s+not\s+exists\s+)?\w+\s(?![^,;]*\b(?:default|generated)\b)[^,;]*\bnot\s+null\b/u,
    'adds a column that an older release leaves empty',
  ],
  [/\btruncate\b(?!\s+on\b)/u, 'deletes rows'],
]

/** Whether releases that do not know this migration must not run on the database any more. */
export const isBreaking = (text: string): boolean => CONTRACT.test(text)

/** What in a migration an older release would stumble over; nothing in a file that says which release it is for. */
export function faultsOf(text: string): string[] {
  if (isBreaking(text)) return []
  const statements = text.replace(/--.*$/gmu, '').toLowerCase()
  return FORBIDDEN.filter(([pattern]) => pattern.test(statements)).map(([, fault]) => fault)
}
