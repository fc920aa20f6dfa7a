import { HanseError } from '@hanse/protocol'
import { builtInModelPath, digestOf } from '../engine/index.ts'

/**
 * The file with these weights: the one that is named, else the built-in model, else a pulled one.
 *
 * @throws {HanseError} HANSE_REPLAY when none of them has this digest
 */
export async function findModelFile(
  digest: string,
  { modelFile }: { readonly modelFile: string | undefined },
): Promise<string> {
  for (const path of modelFile === undefined ? [builtInModelPath()] : [modelFile])
    if (`sha256:${await digestOf(path)}` === digest) return path
  throw new HanseError(
    'HANSE_REPLAY',
    modelFile === undefined
      ? `no model here has the digest ${digest}: name its file with --model-file`
      : `${modelFile} has not the digest ${digest}`,
  )
}
