import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'

const file = z.object({
  version: z.literal(1),
  logs: z.record(
    z.string(),
    z.object({ source: z.string(), seenAt: z.number(), checkpoint: z.string() }),
  ),
})
type SeenLogs = z.infer<typeof file>['logs']

/** Some thousand logs. */
const FILE_BYTES_MAX = 16 << 20

/** Where the checkpoints that this user verified are kept, unless told otherwise. */
export function defaultSeenFile(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const state = env.XDG_STATE_HOME ?? ''
  return join(state === '' ? join(homedir(), '.local', 'state') : state, 'hanse', 'logs.json')
}

/**
 * The last checkpoint of each log that was verified, by the log's key: what a log shows today is compared with what it
 * showed before.
 */
export class SeenFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** @throws {HanseError} HANSE_REQUEST_INVALID when the file cannot be read, or is something else */
  async find(vkey: string): Promise<SeenLogs[string] | undefined> {
    return (await this.#read())[vkey]
  }

  /** Keeps a checkpoint. The file is replaced as a whole. */
  async keep(vkey: string, entry: SeenLogs[string]): Promise<void> {
    const logs = { ...(await this.#read()), [vkey]: entry }
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const temporary = `${this.path}.${process.pid}.tmp`
    try {
      await writeFile(temporary, `${JSON.stringify({ version: 1, logs }, null, 2)}\n`, {
        mode: 0o600,
      })
      await rename(temporary, this.path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  async #read(): Promise<SeenLogs> {
    let text: string
    try {
      text = await readFile(this.path, 'utf8')
      if (text.length > FILE_BYTES_MAX) throw new Error('too large')
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      if (code === 'ENOENT' || code === 'ENOTDIR') return {}
      throw this.#unreadable(cause)
    }
    try {
      return file.parse(JSON.parse(text)).logs
    } catch (cause) {
      throw this.#unreadable(cause)
    }
  }

  #unreadable(cause: unknown): HanseError {
    return new HanseError(
      'HANSE_REQUEST_INVALID',
      `${this.path} holds no checkpoints that were seen: give another --state, or delete it`,
      { cause },
    )
  }
}
