const BAR = 24

/** On a terminal, one line that shows how far a run has come; nothing where nobody looks. */
export function progressBar(stream: NodeJS.WriteStream = process.stderr) {
  return {
    show(done: number, text: string): void {
      if (!stream.isTTY) return
      const full = Math.round(Math.min(1, done) * BAR)
      stream.write(`\r\u{1b}[K[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${text}`)
    },
    clear(): void {
      if (stream.isTTY) stream.write('\r\u{1b}[K')
    },
  }
}
