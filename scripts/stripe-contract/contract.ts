import { join } from 'node:path'
import { Declarations, library } from './declarations.ts'
import { operationOf } from './operations.ts'
import { referencesIn, type Schema, Schemas } from './schemas.ts'

/** Objects that the double shows in events only. */
const alsoInEvents = [{ file: 'Applications', name: 'Application' }]

/**
 * Events are unions of some hundred types that differ in `type` and `data` only. The objects inside
 * are checked by their own `object`.
 */
const events: Readonly<Record<string, Schema>> = {
  Event: {
    type: 'object',
    required: ['id', 'object', 'api_version', 'created', 'data', 'livemode', 'pending_webhooks'],
    properties: {
      id: { type: 'string' },
      object: { enum: ['event'] },
      account: { type: 'string' },
      api_version: { type: ['string', 'null'] },
      created: { type: 'integer' },
      data: { type: 'object', required: ['object'], properties: { object: { type: 'object' } } },
      livemode: { type: 'boolean' },
      pending_webhooks: { type: 'integer' },
      request: { type: ['object', 'null'] },
      type: { type: 'string' },
    },
  },
  'V2.Core.Event': {
    type: 'object',
    required: ['id', 'object', 'created', 'livemode', 'type'],
    properties: {
      id: { type: 'string' },
      object: { enum: ['v2.core.event'] },
      created: { type: 'string' },
      livemode: { type: 'boolean' },
      type: { type: 'string' },
      data: { type: 'object' },
      related_object: {
        type: 'object',
        required: ['id', 'type', 'url'],
        properties: { id: { type: 'string' }, type: { type: 'string' }, url: { type: 'string' } },
      },
    },
  },
}

/** One JSON text a line: the version, the operations, then the schemas they refer to, by name. */
export function contractLines(names: readonly string[]): string {
  using declarations = new Declarations()
  const schemas = new Schemas(declarations, events)
  const operations = [...names].sort().map((name) => operationOf(name, declarations, schemas))
  const inEvents = alsoInEvents.map(({ file, name }) => {
    const { scope } = declarations.file(join(library.folder, 'resources', `${file}.d.ts`))
    return schemas.reference([name], scope)
  })
  const lines = [
    {
      kind: 'contract',
      generated: 'node scripts/stripe-contract.ts',
      source: `type declarations of the npm package stripe@${library.version} (MIT, Stripe, Inc.)`,
      version: library.apiVersion,
    },
    ...operations.map((operation) => ({ kind: 'operation', ...operation })),
    ...reached([operations, inEvents], schemas.components)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => ({ kind: 'schema', name, schema })),
  ]
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** The types of expandable fields were read too; what is never shown whole is left out. */
function reached(roots: unknown, components: ReadonlyMap<string, Schema>): [string, Schema][] {
  const names = new Set(referencesIn(roots))
  // A set may grow while it is walked.
  for (const name of names) for (const next of referencesIn(components.get(name))) names.add(next)
  return [...components].filter(([name]) => names.has(name))
}
