import { gigabytes, type PullProgress, RateMeter } from '../../models/index.ts'
import { paint } from '../output.ts'

/** A terminal is written to ten times a second, a file now and then, a program once a second. */
const TERMINAL_EVERY_MS = 100
const LINES_EVERY_MS = 15_000
const JSON_EVERY_MS = 1_000

export interface ProgressScreen {
  update(progress: PullProgress): void
  note(line: string): void
  end(): void
}

/** Shows how a download goes: one line that changes in a terminal, lines elsewhere, JSON for programs. */
export function progressScreen(json: boolean, now: () => number): ProgressScreen {
  const { stdout } = process
  const isTerminal = stdout.isTTY && !json
  const everyMs = json ? JSON_EVERY_MS : isTerminal ? TERMINAL_EVERY_MS : LINES_EVERY_MS
  let meter = new RateMeter()
  let shown = { at: Number.NEGATIVE_INFINITY, file: '', phase: '' }
  const clear = (): void => {
    if (isTerminal) stdout.write('\r\u001b[2K')
  }
  return {
    update: (progress) => {
      const { file, phase, doneBytes, totalBytes } = progress
      const isNew = file !== shown.file || phase !== shown.phase
      if (isNew) meter = new RateMeter()
      const at = now()
      meter.add(doneBytes, at)
      const isLast = doneBytes === totalBytes && isTerminal
      if (!isNew && !isLast && at - shown.at < everyMs) return
      shown = { at, file, phase }
      if (json) {
        const bytesPerSecond = meter.bytesPerSecond ?? null
        stdout.write(`${JSON.stringify({ event: 'progress', ...progress, bytesPerSecond })}\n`)
        return
      }
      const line = lineOf(progress, meter)
      // A line that wraps could not be taken back.
      if (isTerminal) stdout.write(`\r\u001b[2K${line.slice(0, Math.max(20, stdout.columns - 1))}`)
      else stdout.write(`${line}\n`)
    },
    note: (line) => {
      clear()
      if (json) stdout.write(`${JSON.stringify({ event: 'note', line })}\n`)
      else console.log(paint('yellow', line))
      shown = { ...shown, at: Number.NEGATIVE_INFINITY }
    },
    end: clear,
  }
}

export function lineOf(
  { phase, file, part, parts, doneBytes, totalBytes }: PullProgress,
  meter: RateMeter,
): string {
  const what = phase === 'checking' ? 'checking what is there' : file
  const of = parts > 1 ? ` (${part} of ${parts})` : ''
  const share = totalBytes === undefined ? '' : `${percent(doneBytes, totalBytes)}  `
  const total = totalBytes === undefined ? '' : ` of ${gigabytes(totalBytes)}`
  const rate = meter.bytesPerSecond
  const speed = rate === undefined ? '' : `  ${gigabytes(rate)}/s`
  const left = meter.leftMs(totalBytes)
  const eta = left === undefined ? '' : `  ${durationOf(left)} left`
  return `${share}${gigabytes(doneBytes)}${total}${speed}${eta}  ${what}${of}`
}

function percent(done: number, total: number): string {
  return `${String(total === 0 ? 100 : Math.floor((done / total) * 100)).padStart(3)}%`
}

export function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
