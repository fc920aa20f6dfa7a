import type { InterfaceDeclaration, Node, TypeElement, TypeNode } from 'typescript/unstable/ast'
import { SyntaxKind } from 'typescript/unstable/ast'
import {
  isArrayTypeNode,
  isIdentifier,
  isIndexSignatureDeclaration,
  isInterfaceDeclaration,
  isIntersectionTypeNode,
  isLiteralTypeNode,
  isMethodSignatureDeclaration,
  isNumericLiteral,
  isParenthesizedTypeNode,
  isPropertySignatureDeclaration,
  isQualifiedName,
  isStringLiteral,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
  isTypeReferenceNode,
  isUnionTypeNode,
} from 'typescript/unstable/ast/is'
import type { Declarations, Found, Scope } from './declarations.ts'

export interface Schema {
  readonly [keyword: string]: unknown
}

const anything: Schema = {}
const anObject: Schema = { type: 'object' }

/** The library's types are `number`; Stripe's own description says `integer`, except of these. */
const fraction =
  /^(?:.*percent(?:age)?|percent_off|exchange_rate|.*_rate|height|length|weight|width|latitude|longitude|.*score)$/

/**
 * Subtrees that the double neither sends nor takes; an object of any shape stands in for them.
 * Without this the contract would be ten times as large.
 */
const left =
  /PaymentMethodData\b|PaymentMethodOptions\b|LastPaymentError\b|LastSetupError\b|NextAction\b|AmountDetails\b|Hooks\b|PaymentDetails\b|Level3\b|Configuration\.(?:Merchant|Customer)\b|Identity\.(?:Attestations|BusinessDetails|Individual)\b|FutureRequirements\b|Alternative\b|BankAccounts\b|Locale$|IssuingBalance|^(?:Discount|CashBalance|BankAccount|Card|Source|Account|Mandate|Quote|TestHelpers|Coupon|PromotionCode|ShippingRate|SubscriptionSchedule|FundingInstructions|Token)\b|PaymentMethodDetails\.(?!Card$|SepaDebit$)|PaymentMethod\.(?!Card$|SepaDebit$|BillingDetails|Type$|AllowRedisplay)|DestinationDetails\.|BrandingSettings|CustomField|ConsentCollection|CustomText|ShippingAddressCollection|\.Shipping(?:Option|Cost|Details)?\b|MandateData|InvoiceCreation\b|PendingUpdate|BillingThresholds|TransferData|OptionalItem|CardPresent|Evidence\.Enhanced|EnhancedEvidence|CurrencyOptions|TaxDetails|Tiers?\b|ManagedPayments/

/** Schemas by the names of the library's types, made as they are asked for. */
export class Schemas {
  readonly #declarations: Declarations
  readonly components = new Map<string, Schema>()

  /** `events` stand in for the two types of that name. */
  constructor(declarations: Declarations, events: Readonly<Record<string, Schema>>) {
    this.#declarations = declarations
    for (const [name, schema] of Object.entries(events)) this.components.set(name, schema)
  }

  reference(names: readonly string[], scope: Scope): Schema {
    return this.#reference(names, [], scope, '')
  }

  of(node: TypeNode, scope: Scope, property = ''): Schema {
    if (isParenthesizedTypeNode(node)) return this.of(node.type, scope, property)
    if (isUnionTypeNode(node)) return this.#union([...node.types], scope, property)
    if (isIntersectionTypeNode(node)) {
      return { allOf: [...node.types].map((part) => this.of(part, scope, property)) }
    }
    if (isArrayTypeNode(node)) return arrayOf(this.of(node.elementType, scope, property))
    if (isLiteralTypeNode(node)) return literalOf(node.literal)
    if (isTypeLiteralNode(node)) return this.#members([...node.members], scope, false)
    if (isTypeReferenceNode(node)) {
      return this.#reference(
        namesOf(node.typeName),
        [...(node.typeArguments ?? [])],
        scope,
        property,
      )
    }
    return keywordOf(node, property)
  }

  #union(types: readonly TypeNode[], scope: Scope, property: string): Schema {
    const options = types.map((type) => this.of(type, scope, property)).flatMap(optionsOf)
    const text = options.some(({ type }) => type === 'string')
    // The object side of an expandable field, and the known values of an open list, say no more.
    const kept = options.filter(({ $ref, enum: values, type }) =>
      text ? values === undefined && ($ref === undefined || type !== undefined) : true,
    )
    const expandable = text && options.some(({ $ref }) => $ref !== undefined)
    return anyOf(expandable ? [...kept, anObject] : kept)
  }

  #reference(
    names: readonly string[],
    args: readonly TypeNode[],
    scope: Scope,
    property: string,
  ): Schema {
    const name = names.join('.')
    const [first] = args
    const inner = (): Schema => (first === undefined ? anything : this.of(first, scope, property))
    if (name === 'Array') return arrayOf(inner())
    if (name === 'ApiList') return listOf(inner())
    if (name === 'Emptyable') return anyOf([inner(), { type: 'null' }, { enum: [''] }])
    if (name === 'Partial' || name === 'Record') return anObject
    if (name === 'OtherString' || name === 'Decimal') return { type: 'string' }
    const found = this.#declarations.find(names, scope)
    // Another product of Stripe's, through its namespace.
    if (found === undefined && names.length > 1) return anObject
    if (found === undefined) throw new Error(`${scope.file.path}: no type ${name}`)
    return this.#declared(found, property)
  }

  #declared(found: Found, property: string): Schema {
    const { declaration, scope } = found
    const name = qualified(found)
    if (left.test(name)) return anObject
    if (this.components.has(name)) return ref(name)
    if (isTypeAliasDeclaration(declaration)) return this.of(declaration.type, scope, property)
    // Taken before it is made: types refer to themselves.
    this.components.set(name, anything)
    this.components.set(name, this.#interface(declaration, scope, /Param/.test(name)))
    return ref(name)
  }

  #interface(declaration: InterfaceDeclaration, scope: Scope, closed: boolean): Schema {
    const inherited = [...(declaration.heritageClauses ?? [])]
      .flatMap((clause) => [...clause.types])
      .map(({ expression }) => (isIdentifier(expression) ? [expression.text] : []))
      .map((names) => this.#declarations.find(names, scope))
      .flatMap((found) =>
        found !== undefined && isInterfaceDeclaration(found.declaration)
          ? [...found.declaration.members]
          : [],
      )
    return this.#members([...inherited, ...declaration.members], scope, closed)
  }

  #members(members: readonly TypeElement[], scope: Scope, closed: boolean): Schema {
    const properties: Record<string, Schema> = {}
    const required: string[] = []
    let others: Schema | undefined
    for (const member of members) {
      if (isIndexSignatureDeclaration(member)) {
        others = member.type === undefined ? anything : this.of(member.type, scope)
      } else if (isMethodSignatureDeclaration(member)) {
        throw new Error('a method is not part of an object on the wire')
      } else if (isPropertySignatureDeclaration(member) && member.type !== undefined) {
        const name = propertyName(member.name)
        // `deleted?: void`: the field is absent.
        if (member.type.kind === SyntaxKind.VoidKeyword) continue
        properties[name] = this.of(member.type, scope, name)
        if (member.postfixToken === undefined) required.push(name)
      }
    }
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      ...(others !== undefined
        ? { additionalProperties: others }
        : closed && { additionalProperties: false }),
    }
  }
}

/** Products have a `Session` or an `Event` each: their folder is part of the name. */
function qualified({ name, scope }: Found): string {
  const folder = /\/resources\/(.*)\/[^/]+$/.exec(scope.file.path)?.[1]?.replaceAll('/', '.')
  return folder === undefined || name.startsWith(`${folder}.`) ? name : `${folder}.${name}`
}

/** The names that a schema refers to. */
export function referencesIn(schema: unknown): readonly string[] {
  const found = JSON.stringify(schema).matchAll(/"#\/components\/schemas\/([^"]+)"/g)
  return [...found].flatMap(([, name]) => (name === undefined ? [] : [name]))
}

function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

const keywords = new Map<SyntaxKind, Schema>([
  [SyntaxKind.StringKeyword, { type: 'string' }],
  [SyntaxKind.BooleanKeyword, { type: 'boolean' }],
  [SyntaxKind.AnyKeyword, anything],
  [SyntaxKind.UnknownKeyword, anything],
])

function keywordOf({ kind }: Node, property: string): Schema {
  if (kind === SyntaxKind.NumberKeyword) {
    return { type: fraction.test(property) ? 'number' : 'integer' }
  }
  const schema = keywords.get(kind)
  if (schema === undefined) throw new Error(`no schema for a type of kind ${SyntaxKind[kind]}`)
  return schema
}

function literalOf(literal: Node): Schema {
  if (isStringLiteral(literal)) return { enum: [literal.text] }
  if (isNumericLiteral(literal)) return { enum: [Number(literal.text)] }
  if (literal.kind === SyntaxKind.NullKeyword) return { type: 'null' }
  if (literal.kind === SyntaxKind.TrueKeyword) return { enum: [true] }
  if (literal.kind === SyntaxKind.FalseKeyword) return { enum: [false] }
  throw new Error(`no schema for a literal of kind ${SyntaxKind[literal.kind]}`)
}

/** One schema for several: values together, and each option once. */
export function anyOf(options: readonly Schema[]): Schema {
  const values = options.flatMap(({ enum: some }) => (Array.isArray(some) ? some : []))
  const others = options.flatMap(optionsOf).filter(({ enum: some }) => some === undefined)
  const all = values.length === 0 ? others : [...others, { enum: [...new Set(values)] }]
  const distinct = [...new Map(all.map((it) => [JSON.stringify(it), it])).values()]
  return distinct.length === 1 ? (distinct[0] ?? anything) : { anyOf: distinct }
}

function optionsOf(schema: Schema): readonly Schema[] {
  return Array.isArray(schema.anyOf) ? schema.anyOf : [schema]
}

function arrayOf(items: Schema): Schema {
  return { type: 'array', items }
}

export function listOf(items: Schema): Schema {
  return {
    type: 'object',
    required: ['object', 'data', 'has_more', 'url'],
    properties: {
      object: { enum: ['list'] },
      data: arrayOf(items),
      has_more: { type: 'boolean' },
      url: { type: 'string' },
    },
  }
}

export function namesOf(node: Node): readonly string[] {
  if (isQualifiedName(node)) return [...namesOf(node.left), node.right.text]
  if (isIdentifier(node)) return [node.text]
  throw new Error(`not a name: ${SyntaxKind[node.kind]}`)
}

function propertyName(name: Node): string {
  if (isIdentifier(name) || isStringLiteral(name)) return name.text
  throw new Error(`not a property's name: ${SyntaxKind[name.kind]}`)
}
