import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('series/', import.meta.url))

export interface PublicSeries {
  readonly name: string
  readonly file: string
  readonly csv: string
}

/** The public series that ship with the source; see `series/LICENSE`. */
export function publicSeries(): PublicSeries[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.csv'))
    .toSorted()
    .map((name) => ({
      name: name.replace(/\.csv$/u, ''),
      file: `${FOLDER}${name}`,
      csv: readFileSync(`${FOLDER}${name}`, 'utf8'),
    }))
}
