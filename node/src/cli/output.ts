import { styleText } from 'node:util'

/** As shells have it for a program that was interrupted by Ctrl-C. */
export const EXIT_INTERRUPTED = 130

type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'dim' | 'bold'

/** Colours where the stream is a terminal and NO_COLOR is not set; plain text elsewhere. */
export function paint(
  colour: Colour,
  text: string,
  stream: NodeJS.WritableStream = process.stdout,
): string {
  return styleText(colour, text, { stream })
}

/** What a long-running command tells: lines for people, or one JSON object a line for programs. */
export type Reporter = (
  event: string,
  facts: Readonly<Record<string, unknown>>,
  line: string,
) => void

export function reporter(json: boolean): Reporter {
  return (event, facts, line) => {
    process.stdout.write(json ? `${JSON.stringify({ event, ...facts }, bigints)}\n` : `${line}\n`)
  }
}

/** Amounts as decimal strings: JSON numbers would round them. */
export function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

/** Columns padded to their widest cell; the last column is left as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}
