import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import { GatheredLines } from './gathered-lines.ts'
import { LogFeed } from './log-feed.ts'
import { lastLines } from './log-lines.ts'
import { RotatingFile } from './rotating-file.ts'
import { scrubFacts, scrubText } from './scrub.ts'

export interface LogOptions {
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug'
  readonly dataDir: string
  /** Size of one file, MiB; 0 writes none. */
  readonly logFileMb?: number
  /** Files that are kept. */
  readonly logFiles?: number
}

export interface OpenedLog extends Disposable {
  readonly log: FastifyBaseLogger
  /** What was logged lately and what is logged from now on. */
  readonly feed: LogFeed
}

/** Lines that standard error may hold back, in bytes, before more are dropped: its disk may be full. */
const STDERR_BYTES_MAX = 1 << 20

/**
 * A log of JSON lines on standard error, and in the data folder where `logFileMb` is given. Secrets, prompts and answers
 * are kept out of it whatever it is handed. A full disk never fails a call: lines are then lost and counted.
 */
export function openLog(options: LogOptions): OpenedLog {
  const { logLevel, dataDir, logFileMb = 0, logFiles = 5 } = options
  const path = logFile(dataDir)
  const file =
    logFileMb === 0
      ? undefined
      : new RotatingFile(path, {
          bytesMax: logFileMb * 1024 * 1024,
          filesMax: logFiles,
          now: Date.now,
        })
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: STDERR_BYTES_MAX })
  // Without a listener a full disk behind standard error would end the process.
  stderr.on('error', () => {})
  const lines = new GatheredLines((text, count) => {
    stderr.write(text)
    file?.write(text, count)
  })
  const feed = new LogFeed({
    lost: () => {
      lines.flush()
      return file?.lost ?? 0
    },
    older: (count) => {
      lines.flush()
      return file === undefined ? [] : lastLines(path, count)
    },
  })
  const log = pino(
    {
      level: logLevel,
      // Before pino's own serializers, which would copy every property of an error.
      formatters: { log: scrubFacts },
      serializers: { err: asItIs, req: asItIs, res: asItIs },
      hooks: {
        logMethod(args, method) {
          const [first, message] = args as unknown[]
          // pino would make an error's message the line's, as it came.
          const told = first instanceof Error ? [{ err: first }, message ?? first.message] : args
          const scrubbed = told.map((arg: unknown) =>
            typeof arg === 'string' ? scrubText(arg) : arg,
          )
          method.apply(this, scrubbed as Parameters<typeof method>)
        },
      },
    },
    {
      write: (line) => {
        lines.push(line)
        feed.push(line)
      },
    },
  )
  // pino formats what a child always says for its first generation alone.
  const child = Reflect.get(log, 'child') as (...args: unknown[]) => unknown
  Reflect.set(log, 'child', function (this: unknown, bindings: object, options?: object) {
    return Reflect.apply(child, this, [scrubFacts({ ...bindings }), options])
  })
  return {
    log,
    feed,
    [Symbol.dispose]: () => {
      lines[Symbol.dispose]()
      file?.[Symbol.dispose]()
    },
  }
}

const asItIs = (fact: unknown): unknown => fact

/** Where a daemon with this data folder logs. */
export function logFile(dataDir: string): string {
  return join(dataDir, 'logs', 'hanse.log')
}
