/** A release, as semantic versioning names it, without build metadata. */
export interface Version {
  readonly numbers: readonly [number, number, number]
  /** After the dash; empty for a release that is none of the early ones. */
  readonly early: readonly string[]
}

/** Longer is no version of ours, and keeps the numbers safe integers. */
const TEXT = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]{1,64}))?$/u

/** Reads `1.2.3`, `v1.2.3` or `1.2.3-rc.1`; `undefined` for anything else. */
export function parseVersion(text: string): Version | undefined {
  const match = TEXT.exec(text)
  if (match === null) return undefined
  const [, major, minor, patch, early] = match
  return {
    numbers: [Number(major), Number(minor), Number(patch)],
    early: early === undefined ? [] : early.split('.'),
  }
}

/** Below zero when `a` is older than `b`, by the rules of semver.org, section 11. */
export function compareVersions(a: Version, b: Version): number {
  for (const [i, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (a.early.length === 0 || b.early.length === 0) return b.early.length - a.early.length
  for (const [i, part] of a.early.entries()) {
    const other = b.early[i]
    if (other === undefined) return 1
    const difference = comparePart(part, other)
    if (difference !== 0) return difference
  }
  return a.early.length - b.early.length
}

/** The newest of them that is no early release; `undefined` when there is none. */
export function newestOf(texts: readonly string[]): string | undefined {
  return texts
    .flatMap((text) => {
      const version = parseVersion(text)
      return version === undefined || version.early.length > 0 ? [] : [{ text, version }]
    })
    .toSorted((a, b) => compareVersions(a.version, b.version))
    .at(-1)?.text
}

function comparePart(a: string, b: string): number {
  const numeric = /^\d+$/u
  if (numeric.test(a) && numeric.test(b)) return Number(a) - Number(b)
  if (numeric.test(a)) return -1
  if (numeric.test(b)) return 1
  if (a === b) return 0
  return a < b ? -1 : 1
}
