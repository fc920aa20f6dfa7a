/** Browsers name each other; the one that counts comes first here. */
const browsers = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const
const systems = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS X', 'macOS'],
  ['Linux', 'Linux'],
] as const

/** "Firefox, Linux" of what a browser says of itself: for a person to tell their own apart. */
export function browserName(userAgent: string | null): string | undefined {
  if (userAgent === null) return undefined
  const find = (names: readonly (readonly [string, string])[]) =>
    names.find(([mark]) => userAgent.includes(mark))?.[1]
  const found = [find(browsers), find(systems)].filter((name) => name !== undefined)
  return found.length === 0 ? userAgent.slice(0, 40) : found.join(', ')
}
