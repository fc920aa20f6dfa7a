import { basename, resolve } from 'node:path'
import { HanseError } from '@hanse/protocol'
import type { BuiltInModel } from './built-in-engine.ts'
import { builtInModelPath } from './built-in-model.ts'

/** A name before `=`; a path may have that sign too, but then a separator comes first. */
const NAMED = /^([^=/\\]+)=(.+)$/u

/**
 * The models of the setting `modelFiles`, each `file` or `name=file`; the one that ships with the source when there
 * are none.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when two have one name
 */
export function modelsOfFiles(files: readonly string[]): BuiltInModel[] {
  const models = (files.length === 0 ? [builtInModelPath()] : files).map(modelOfFile)
  const names = new Set<string>()
  for (const { id } of models) {
    if (names.has(id))
      throw new HanseError(
        'HANSE_CONFIG_INVALID',
        `model-files: two files are called ${id}; name one of them by name=file`,
      )
    names.add(id)
  }
  return models
}

function modelOfFile(entry: string): BuiltInModel {
  const [, name, file = entry] = NAMED.exec(entry) ?? []
  return { id: name ?? basename(file).replace(/\.gguf$/iu, ''), path: resolve(file) }
}
