import { existsSync } from 'node:fs'
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stringify } from 'smol-toml'

/** What the owner answered, by the names of hanse.toml. */
export type Answers = Readonly<Record<string, string | readonly string[]>>

/**
 * Writes a table of answers into hanse.toml, behind what is there. The file must not have such a table yet.
 *
 * @returns the file's path
 */
export async function remember(path: string, program: string, answers: Answers): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const introduction = existsSync(path)
    ? '\n'
    : '# Every setting is in `hanse provider --help`; a flag or a HANSE_… variable goes before this file.\n'
  await appendFile(path, `${introduction}${stringify({ [program]: answers })}\n`, { mode: 0o600 })
  return path
}
