import { HanseError } from '@hanse/protocol'

/**
 * One word of a unit's list, such as an argument of ExecStart, whatever it holds (systemd.syntax, Quoting). With
 * variables switched off by the colon in front of the program, only quotes, backslashes and specifiers mean anything.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID for control characters, which no unit may hold
 */
export function quoteWord(word: string): string {
  refuseControls(word)
  return `"${escapeSpecifiers(word).replace(/[\\"]/gu, '\\$&')}"`
}

/** A value that systemd takes as a whole, such as WorkingDirectory. @throws {HanseError} as above, or for edge spaces */
export function wholeValue(value: string): string {
  refuseControls(value)
  // systemd trims both ends, and takes a backslash before the newline for a line that goes on.
  if (value.trim() !== value || value.endsWith('\\')) {
    throw new HanseError('HANSE_CONFIG_INVALID', `systemd cannot name ${JSON.stringify(value)}`)
  }
  return escapeSpecifiers(value)
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%')
}

function refuseControls(text: string): void {
  if (/\p{Cc}/u.test(text)) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `a service cannot have control characters in ${JSON.stringify(text)}`,
    )
  }
}
