import { fileURLToPath } from 'node:url'

/** Where the model that ships with the source lies: see models/README.md. */
export function builtInModelPath(): string {
  return fileURLToPath(new URL('../../../../models/hanse-tiny-v1.gguf', import.meta.url))
}
