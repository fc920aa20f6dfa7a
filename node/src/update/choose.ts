import { HanseError } from '@hanse/protocol'
import { compareVersions, parseVersion, type Version } from './version.ts'

export interface Choice {
  /** What runs. */
  readonly current: string
  /** The newest that the source has. */
  readonly newest: string
  /** The highest that was ever seen. */
  readonly highestSeen: string | undefined
  /** What the owner asks for; then older ones are fine. */
  readonly to: string | undefined
}

/**
 * The release to install, or `undefined` when the newest runs. A source that suddenly has nothing newer than what it
 * had before may be an attacker who hides a repair, so that is an error and not good news.
 *
 * @throws {HanseError} HANSE_UPDATE_FAILED, HANSE_CONFIG_INVALID
 */
export function chooseRelease({ current, newest, highestSeen, to }: Choice): string | undefined {
  if (to !== undefined) {
    versionOf(to)
    return to
  }
  const offered = versionOf(newest)
  if (highestSeen !== undefined && compareVersions(offered, versionOf(highestSeen)) < 0) {
    throw new HanseError(
      'HANSE_UPDATE_FAILED',
      `the newest release on offer is ${newest}, but ${highestSeen} was seen before; give --to ${newest} if that is meant`,
    )
  }
  return compareVersions(offered, versionOf(current)) > 0 ? newest : undefined
}

function versionOf(text: string): Version {
  const version = parseVersion(text)
  if (version === undefined)
    throw new HanseError('HANSE_CONFIG_INVALID', `${text.slice(0, 80)} is no version such as 1.2.3`)
  return version
}
