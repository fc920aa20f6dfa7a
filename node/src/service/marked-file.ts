import { createHash } from 'node:crypto'

/** What stands in a generated file, so that one which its owner has changed is not overwritten. */
const MARK = 'Written by hanse service install; changes are noticed by sha256:'

export type CommentStyle = 'hash' | 'xml'

/** The text with a line at its end that tells whether anything before was changed. */
export function marked(text: string, style: CommentStyle): string {
  const line = `${MARK}${digestOf(text)}`
  return `${text}${style === 'hash' ? `# ${line}` : `<!-- ${line} -->`}\n`
}

/** Whether the file is just as it was written. */
export function isUnchanged(whole: string): boolean {
  const found =
    /^(?<text>[\s\S]*?)(?:# |<!-- )[^\n]*sha256:(?<digest>[0-9a-f]{64})(?: -->)?\n$/u.exec(whole)
  const { text, digest } = found?.groups ?? {}
  return text !== undefined && digestOf(text) === digest
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
