import { fileURLToPath } from 'node:url'

/** What the model that ships with the source is called on the market. */
export const BUILT_IN_NAME = 'hanse/tiny-v1:f16'

/** Where the model that ships with the source lies: see models/README.md. */
export function builtInModelPath(): string {
  return fileURLToPath(new URL('../../../../models/hanse-tiny-v1.gguf', import.meta.url))
}
