import { basename, resolve } from 'node:path'
import { HanseError } from '@hanse/protocol'
import type { BuiltInModel } from './built-in-engine.ts'
import { BUILT_IN_NAME, builtInModelPath } from './built-in-model.ts'

/** A name as on the market, then the file; a path with that sign in it begins with a separator or a dot. */
const NAMED = /^([a-z0-9][\w.:-]*(?:\/[\w.:-]+)?)=(.+)$/iu

/**
 * The models of the setting `modelFiles`, each `file` or `name=file`; the one that ships with the source when there
 * are none.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when two have one name
 */
export function modelsOfFiles(files: readonly string[]): BuiltInModel[] {
  if (files.length === 0) return [{ id: BUILT_IN_NAME, path: builtInModelPath() }]
  const models = files.map(modelOfFile)
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
