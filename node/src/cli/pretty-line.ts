import { clean } from './terminal-text.ts'

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'dim' | 'bold'
/** Colours text, or leaves it as it is where there is no terminal. */
export type Paint = (colour: Colour, text: string) => string

const LEVELS: Readonly<Record<number, { readonly name: string; readonly colour: Colour }>> = {
  10: { name: 'TRACE', colour: 'dim' },
  20: { name: 'DEBUG', colour: 'dim' },
  30: { name: 'INFO', colour: 'green' },
  40: { name: 'WARN', colour: 'yellow' },
  50: { name: 'ERROR', colour: 'red' },
  60: { name: 'FATAL', colour: 'red' },
}

/** Facts that say nothing to somebody who reads the log of one machine. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'msg'])

/** A JSON log line for people: time, level, message, facts. What is no such line is shown as it is. */
export function prettyLine(line: string, paint: Paint): string {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return clean(line)
  }
  if (typeof entry !== 'object' || entry === null) return clean(line)
  const { level, time, msg } = entry as Record<string, unknown>
  const { name, colour } = LEVELS[Number(level)] ?? { name: 'LOG', colour: 'dim' as const }
  const facts = Object.entries(entry)
    .filter(([key]) => !LEFT_OUT.has(key))
    .map(([key, value]) => `${clean(key)}=${clean(shown(value))}`)
  return [
    paint('dim', timeOf(time)),
    paint(colour, name.padEnd(5)),
    clean(typeof msg === 'string' ? msg : ''),
    ...(facts.length > 0 ? [paint('dim', facts.join(' '))] : []),
  ].join(' ')
}

function timeOf(time: unknown): string {
  const date = new Date(typeof time === 'number' ? time : Number.NaN)
  if (Number.isNaN(date.getTime())) return '-'
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /[\s"]/u.test(value) ? JSON.stringify(value) : value
  return JSON.stringify(value) ?? ''
}
