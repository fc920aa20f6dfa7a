import { createReadStream } from 'node:fs'

export interface Line {
  readonly text: string
  /** Whether it ends in a line break, as every line does that was written to its end. */
  readonly ended: boolean
}

/** The lines of a file, one after the other. @throws what opening and reading it throws */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  let rest = ''
  for await (const piece of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = piece.split('\n')
    lines[0] = rest + (lines[0] ?? '')
    rest = lines.pop() ?? ''
    for (const text of lines) yield { text, ended: true }
  }
  if (rest !== '') yield { text: rest, ended: false }
}
