/**
 * Whether a name fits a pattern, in which `*` stands for any text, also none. Names are told apart by letters, not by their
 * case. In time that grows with both lengths, whatever the pattern.
 */
export function fitsPattern(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.toLowerCase().split('*')
  const name = text.toLowerCase()
  const tail = rest.pop()
  if (tail === undefined) return name === head
  if (!name.startsWith(head) || !name.endsWith(tail)) return false
  let at = head.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= name.length - tail.length
}
