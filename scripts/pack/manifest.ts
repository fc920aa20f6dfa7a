/** What of a `package.json` is of concern here; everything else stays as it is. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Entries
  readonly imports?: Entries
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>> | undefined
  readonly [field: string]: unknown
}

/** A file, or a file for each condition. */
export interface Entries {
  readonly [name: string]: string | Entries
}

/** For tests of this repository only: they need packages that are no dependencies. */
const TESTING = /^\.\/testing/u
const SOURCE = /^\.\/src\/(.+)\.ts$/u

/**
 * The manifest of a package as it is published: of what was built instead of the source, which Node strips no types of under
 * `node_modules`, and with the releases of its own siblings.
 */
export function publishedManifest(
  manifest: Manifest,
  versions: ReadonlyMap<string, string>,
): Manifest {
  const { dependencies = {}, imports } = manifest
  return {
    ...manifest,
    devDependencies: undefined,
    exports: builtEntries(
      Object.fromEntries(Object.entries(manifest.exports).filter(([name]) => !TESTING.test(name))),
    ),
    ...(imports === undefined ? {} : { imports: builtEntries(imports) }),
    dependencies: Object.fromEntries(
      Object.entries(dependencies).map(([name, range]) => [name, versions.get(name) ?? range]),
    ),
    // What a page does not use of a module need not be in its bundle.
    sideEffects: false,
    files: ['bin', 'dist', 'models', 'LICENSE'],
  }
}

function builtEntries(entries: Entries): Entries {
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, built(entry)]))
}

function built(entry: string | Entries): string | Entries {
  if (typeof entry !== 'string') return builtEntries(entry)
  const path = SOURCE.exec(entry)?.[1]
  if (path === undefined) throw new Error(`${entry} is not a source file`)
  return { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` }
}
