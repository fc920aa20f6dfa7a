import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import type {
  ClassDeclaration,
  ImportDeclaration,
  InterfaceDeclaration,
  ModuleDeclaration,
  SourceFile,
  Statement,
  TypeAliasDeclaration,
} from 'typescript/unstable/ast'
import {
  isClassDeclaration,
  isIdentifier,
  isImportDeclaration,
  isInterfaceDeclaration,
  isModuleBlock,
  isModuleDeclaration,
  isNamedImports,
  isStringLiteral,
  isTypeAliasDeclaration,
} from 'typescript/unstable/ast/is'
import { API } from 'typescript/unstable/sync'

export type Declaration = InterfaceDeclaration | TypeAliasDeclaration

/** One name of a file: a namespace and an interface may share it. */
interface Entry {
  declaration?: Declaration
  namespace?: Scope
}

/** Where names are looked up: a namespace or a file, and what is around it. */
export interface Scope {
  /** The path of namespaces, empty for a file. */
  readonly path: readonly string[]
  readonly file: DeclarationFile
  readonly around: Scope | undefined
  readonly entries: Map<string, Entry>
}

export interface DeclarationFile {
  readonly path: string
  readonly scope: Scope
  readonly classes: Map<string, ClassDeclaration>
  /** Local name to the file and the name that it has there. */
  readonly imports: Map<string, { readonly path: string; readonly name: string }>
}

export interface Found {
  readonly declaration: Declaration
  readonly name: string
  /** The scope of the names inside it. */
  readonly scope: Scope
}

/** The folder of the installed library's ES modules, and what its package says of it. */
export const library = ((): { folder: string; version: string; apiVersion: string } => {
  const require = createRequire(new URL('../../settlement/package.json', import.meta.url))
  const folder = dirname(require.resolve('stripe')).replace(/cjs$/, 'esm')
  const { version } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'))
  const text = readFileSync(join(folder, 'apiVersion.js'), 'utf8')
  const apiVersion = /ApiVersion = '([^']+)'/.exec(text)?.[1]
  if (apiVersion === undefined) throw new Error('stripe: no API version found')
  return { folder, version, apiVersion }
})()

/** The type declarations of the `stripe` package, parsed by the TypeScript compiler. */
export class Declarations implements Disposable {
  readonly #api = new API()
  readonly #files = new Map<string, DeclarationFile>()
  readonly #source: (path: string) => SourceFile | undefined

  constructor() {
    const config = resolve(import.meta.dirname, 'tsconfig.json')
    const [project] = this.#api.updateSnapshot({ openProjects: [config] }).getProjects()
    if (project === undefined) throw new Error(`${config}: no project`)
    this.#source = (path) => project.program.getSourceFile(path)
  }

  [Symbol.dispose](): void {
    this.#api.close()
  }

  file(path: string): DeclarationFile {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const source = this.#source(path)
    if (source === undefined) throw new Error(`${path} is not part of the library's declarations`)
    const made = fileOf(path, source)
    this.#files.set(path, made)
    return made
  }

  /** A name as it is written, such as `Session.LineItem`, looked up from the inside outwards. */
  find(names: readonly string[], from: Scope): Found | undefined {
    for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.around) {
      const found = within(scope, names)
      if (found !== undefined) return found
    }
    const [first = '', ...rest] = names
    const imported = from.file.imports.get(first)
    if (imported === undefined) return undefined
    return this.#exported(imported.path, [imported.name, ...rest])
  }

  #exported(path: string, names: readonly string[]): Found | undefined {
    const file = this.file(path)
    return within(file.scope, names) ?? this.find(names, file.scope)
  }
}

function within(scope: Scope, names: readonly string[]): Found | undefined {
  const [first = '', ...rest] = names
  const entry = scope.entries.get(first)
  if (entry === undefined) return undefined
  if (rest.length > 0) return entry.namespace && within(entry.namespace, rest)
  if (entry.declaration === undefined) return undefined
  return { declaration: entry.declaration, name: [...scope.path, first].join('.'), scope }
}

function fileOf(path: string, source: SourceFile): DeclarationFile {
  const entries = new Map<string, Entry>()
  const file: DeclarationFile = {
    path,
    classes: new Map(),
    imports: new Map(),
    get scope() {
      return scope
    },
  }
  const scope: Scope = { path: [], file, around: undefined, entries }
  for (const statement of source.statements) {
    if (isImportDeclaration(statement)) takeImport(file, statement)
    else if (isClassDeclaration(statement)) file.classes.set(statement.name?.text ?? '', statement)
    else take(scope, statement)
  }
  return file
}

function take(scope: Scope, statement: Statement): void {
  if (isInterfaceDeclaration(statement) || isTypeAliasDeclaration(statement)) {
    entryOf(scope, statement.name.text).declaration ??= statement
  } else if (isModuleDeclaration(statement)) takeNamespace(scope, statement)
}

/** A namespace may be declared in several parts. */
function takeNamespace(around: Scope, { name, body }: ModuleDeclaration): void {
  if (!isIdentifier(name) || body === undefined || !isModuleBlock(body)) return
  const entry = entryOf(around, name.text)
  entry.namespace ??= {
    path: [...around.path, name.text],
    file: around.file,
    around,
    entries: new Map(),
  }
  for (const statement of body.statements) take(entry.namespace, statement)
}

function takeImport(file: DeclarationFile, { importClause, moduleSpecifier }: ImportDeclaration) {
  const bindings = importClause?.namedBindings
  if (bindings === undefined || !isNamedImports(bindings)) return
  if (!isStringLiteral(moduleSpecifier)) return
  const path = resolve(dirname(file.path), moduleSpecifier.text.replace(/\.js$/, '.d.ts'))
  for (const { name, propertyName } of bindings.elements) {
    file.imports.set(name.text, { path, name: propertyName?.text ?? name.text })
  }
}

function entryOf(scope: Scope, name: string): Entry {
  const entry = scope.entries.get(name) ?? {}
  scope.entries.set(name, entry)
  return entry
}
