import { HanseError } from '@hanse/protocol'
import { builtInModelPath, digestOf } from '../engine/index.ts'
import { storedModels } from '../models/index.ts'

/**
 * The file with these weights: the one that is named, else the built-in model, else a pulled one.
 *
 * @throws {HanseError} HANSE_REPLAY when none of them has this digest
 */
export async function findModelFile(
  digest: string,
  { modelFile, modelsDir }: { readonly modelFile: string | undefined; readonly modelsDir: string },
): Promise<string> {
  for (const path of modelFile === undefined ? [builtInModelPath()] : [modelFile])
    if (`sha256:${await digestOf(path)}` === digest) return path
  const pulled = modelFile === undefined ? await storedModels(modelsDir) : []
  const found = pulled.find((model) => model.digest === digest)
  if (found !== undefined) return found.path
  throw new HanseError(
    'HANSE_REPLAY',
    modelFile === undefined
      ? `no model here has the digest ${digest}: name its file with --model-file`
      : `${modelFile} has not the digest ${digest}`,
  )
}
