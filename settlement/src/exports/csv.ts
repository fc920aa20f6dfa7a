/** A record of RFC 4180, with its line end. */
export const csvRecord = (fields: readonly string[]): string => `${fields.map(field).join(',')}\r\n`

/** Text from outside must not be a formula in a spreadsheet; numbers of ours may begin with a minus. */
function field(text: string): string {
  const plain = /^[=+@\t\r]|^-(?!\d+(?:\.\d+)?$)/u.test(text) ? `'${text}` : text
  return /[",\r\n]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
