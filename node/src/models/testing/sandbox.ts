import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DownloadOptions } from '../download.ts'

export const TINY_PATH = fileURLToPath(
  new URL('../../../../models/hanse-tiny-v1.gguf', import.meta.url),
)
/** A real model, of 3 MB. */
export const TINY = readFileSync(TINY_PATH)

export class Sandbox implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hanse-models-'));

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }
}

/** Options without long waits; `waits` collects those that were asked for. */
export function quick(waits: number[] = []): DownloadOptions {
  return {
    sizeBytesMax: 2 ** 30,
    stallMs: 5_000,
    sleep: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
  }
}
