import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MethodDeclaration, TypeNode } from 'typescript/unstable/ast'
import { isIdentifier, isMethodDeclaration, isTypeReferenceNode } from 'typescript/unstable/ast/is'
import { type DeclarationFile, type Declarations, library } from './declarations.ts'
import { listOf, namesOf, type Schema, type Schemas } from './schemas.ts'

export interface ContractOperation {
  /** As the library calls it: `Checkout.Sessions.create`. */
  readonly name: string
  readonly method: string
  /** `/v1/transfers/{id}`. */
  readonly path: string
  readonly params: Schema
  readonly answer: Schema
}

/** What the library sends for an operation and what it expects, from its types and its code. */
export function operationOf(
  name: string,
  declarations: Declarations,
  schemas: Schemas,
): ContractOperation {
  const parts = name.split('.')
  const called = parts.pop() ?? ''
  const module = join(library.folder, 'resources', ...parts)
  const file = declarations.file(`${module}.d.ts`)
  const signature = methodOf(file, called)
  const params = [...signature.parameters].find(
    (parameter) => isIdentifier(parameter.name) && parameter.name.text === 'params',
  )
  const answer = signature.type
  if (answer === undefined) throw new Error(`${name}: no type of the answer`)
  return {
    name,
    ...requestOf(readFileSync(`${module}.js`, 'utf8'), called),
    params: params?.type === undefined ? {} : schemas.of(params.type, file.scope),
    answer: answerOf(answer, file, schemas),
  }
}

/** The file's first class is the resource. */
function methodOf(file: DeclarationFile, called: string): MethodDeclaration {
  for (const declared of file.classes.values()) {
    for (const member of declared.members) {
      if (!isMethodDeclaration(member) || !isIdentifier(member.name)) continue
      if (member.name.text === called) return member
    }
  }
  throw new Error(`${file.path}: no method ${called}`)
}

/** The verb and the path stand in the library's code, not in its types. */
function requestOf(code: string, called: string): { method: string; path: string } {
  const found = new RegExp(
    String.raw`\n    ${called}\([^)]*\) \{[\s\S]*?_makeRequest\('(\w+)', ['\`]([^'\`]+)['\`]`,
  ).exec(code)
  const [, method, path] = found ?? []
  if (method === undefined || path === undefined) throw new Error(`${called}: no request found`)
  return { method, path: path.replaceAll(/\$\{encodeURIComponent\((\w+)\)\}/g, '{$1}') }
}

/** `Promise<Response<T>>`, or a list of T. */
function answerOf(node: TypeNode, file: DeclarationFile, schemas: Schemas): Schema {
  if (!isTypeReferenceNode(node)) return schemas.of(node, file.scope)
  const name = namesOf(node.typeName).join('.')
  const first = node.typeArguments?.[0]
  if (first === undefined) return schemas.of(node, file.scope)
  if (name === 'Promise' || name === 'Response') return answerOf(first, file, schemas)
  const item = (): Schema => answerOf(first, file, schemas)
  if (name === 'ApiListPromise') return listOf(item())
  if (name === 'V2ListPromise') return pageOf(item())
  return schemas.of(node, file.scope)
}

function pageOf(items: Schema): Schema {
  const url = { type: ['string', 'null'] }
  return {
    type: 'object',
    required: ['data', 'next_page_url', 'previous_page_url'],
    properties: {
      data: { type: 'array', items },
      next_page_url: url,
      previous_page_url: url,
    },
  }
}
