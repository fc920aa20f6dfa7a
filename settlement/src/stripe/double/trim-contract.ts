/**
 * Writes contract.json: the operations of the Stripe contract that the double answers, and no others.
 *
 * Run: node settlement/src/stripe/double/trim-contract.ts <stripe-openapi-trimmed.json>
 * The input is derived from the type declarations of the npm package stripe@23.1.0 (MIT, see
 * contract.md); `info` of the output keeps its licence and provenance.
 */
import { readFileSync, writeFileSync } from 'node:fs'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

const operations: Record<string, readonly string[]> = {
  '/v1/balance': ['get'],
  '/v1/balance_transactions': ['get'],
  '/v1/balance_transactions/{id}': ['get'],
  '/v1/charges/{id}': ['get'],
  '/v1/customers': ['post'],
  '/v1/customers/{id}': ['get'],
  '/v1/events': ['get'],
  '/v1/events/{id}': ['get'],
  '/v1/payment_intents': ['post', 'get'],
  '/v1/payment_intents/{id}': ['get'],
  '/v1/transfers': ['post', 'get'],
  '/v1/transfers/{id}': ['get'],
  '/v1/transfers/{id}/reversals': ['post', 'get'],
  '/v1/webhook_endpoints': ['post'],
  '/v2/core/account_links': ['post'],
  '/v2/core/accounts': ['post', 'get'],
  '/v2/core/accounts/{id}': ['get'],
  '/v2/core/events/{id}': ['get'],
}

/** Subtrees that the double never sends or takes; an object of any shape stands in for them. */
const left =
  /PaymentMethodData|PaymentMethodOptions|LastPaymentError\.|\.(AmountDetails|Hooks|PaymentDetails|NextAction|Level3|Merchant|Attestations|BusinessDetails|Individual|FutureRequirements|Requirements|BankAccounts|Profile|Locale|IssuingBalance)\b|^(Discount|CashBalance|Refund|PaymentMethod|SetupIntent|BankAccount|Card|Source|Subscription|TaxId|V1|Account$|Account\.)|Charge\.PaymentMethodDetails\.(?!Card$)|Configuration\.Customer/

const accountEvent = /V2CoreAccount(Created|Including)/

const prefix = '#/components/schemas/'

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Drops prose, and the object side of every expandable field. */
function trim(value: Json): Json {
  if (Array.isArray(value)) return value.map(trim)
  if (!isObject(value)) return value
  const any = value.anyOf
  if (Array.isArray(any) && any.some((option) => isObject(option) && option.type === 'string')) {
    const shapes = any.filter((option) => isObject(option) && option.$ref === undefined)
    if (shapes.length < any.length && any.every((option) => !isQueryRange(option))) {
      return { anyOf: [...shapes.map(trim), { type: 'object' }] }
    }
  }
  const kept: JsonObject = {}
  for (const [key, part] of Object.entries(value)) {
    const prose = (key === 'description' || key === 'summary') && typeof part === 'string'
    if (prose || key === 'x-open-enum') continue
    kept[key] = trim(part)
  }
  const ref = kept.$ref
  if (typeof ref === 'string' && left.test(ref.slice(prefix.length))) return { type: 'object' }
  return kept
}

function isQueryRange(option: Json): boolean {
  return isObject(option) && option.$ref === `${prefix}RangeQueryParam`
}

function references(value: Json, into: Set<string>): void {
  if (Array.isArray(value)) for (const part of value) references(part, into)
  if (!isObject(value)) return
  for (const [key, part] of Object.entries(value)) {
    if (key === '$ref' && typeof part === 'string') into.add(part.slice(prefix.length))
    else references(part, into)
  }
}

/** Parameter lists of the source are complete, so a name outside them is an error. */
function closed(name: string, schema: Json): Json {
  if (!/Param/.test(name) || !isObject(schema) || schema.properties === undefined) return schema
  return { ...schema, additionalProperties: false }
}

function contractOf(source: JsonObject): JsonObject {
  const paths = source.paths
  const components = source.components
  const schemas = isObject(components) ? components.schemas : undefined
  if (!isObject(paths) || !isObject(schemas)) throw new Error('not an OpenAPI file')
  const keptPaths: JsonObject = {}
  for (const [path, methods] of Object.entries(operations)) {
    const item = paths[path]
    if (!isObject(item)) throw new Error(`missing path ${path}`)
    keptPaths[path] = trim(
      Object.fromEntries(methods.map((method) => [method, item[method] ?? null])),
    )
  }
  const event = keptPaths['/v2/core/events/{id}']
  if (isObject(event)) keepAccountEvents(event)
  const keptSchemas: JsonObject = {}
  const todo = new Set<string>()
  references(keptPaths, todo)
  for (const name of todo) {
    const schema = schemas[name]
    if (schema === undefined) throw new Error(`missing schema ${name}`)
    keptSchemas[name] = closed(name, trim(schema))
    references(keptSchemas[name], todo)
  }
  return {
    openapi: source.openapi ?? null,
    info: source.info ?? null,
    paths: keptPaths,
    components: { schemas: keptSchemas },
  }
}

/** The source lists every event of Stripe; the double sends the account's. */
function keepAccountEvents(value: Json): void {
  if (Array.isArray(value)) for (const part of value) keepAccountEvents(part)
  if (!isObject(value)) return
  const any = value.anyOf
  if (Array.isArray(any)) {
    value.anyOf = any.filter(
      (option) => isObject(option) && accountEvent.test(JSON.stringify(option.$ref)),
    )
  }
  for (const part of Object.values(value)) keepAccountEvents(part)
}

const input = process.argv[2]
if (input === undefined) throw new Error('usage: trim-contract.ts <stripe-openapi-trimmed.json>')
const source: JsonObject = JSON.parse(readFileSync(input, 'utf8'))
const output = new URL('contract.json', import.meta.url)
writeFileSync(output, `${JSON.stringify(contractOf(source))}\n`)
