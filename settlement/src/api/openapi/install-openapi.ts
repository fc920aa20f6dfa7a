import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform } from 'fastify-type-provider-zod'
import { completeDocument } from './complete-document.ts'
import type { Document } from './openapi-types.ts'
import { accessNotes, securitySchemes } from './security.ts'

const DESCRIPTION = [
  'Turns receipts that two nodes have signed into money, and shows an organization what it spends.',
  '**Money** is a string of digits: pico-euro (10⁻¹² EUR), or cents where the name ends so; decimals are strings, exact to the ' +
    'last digit. Other counts that may grow beyond 2⁵³ are strings of digits, too.',
  '**Times** are milliseconds since 1970, or ISO 8601 where the schema says so; days are in UTC.',
  '**Lists** have pages: `next` of an answer is the cursor of the next request, `null` at the end.',
  '**What moves money** takes an `idempotency-key`, so that a request whose answer was lost can be sent again.',
  '**Refusals** are problem details (RFC 9457) with a stable `code`. `retry-after` says in how many seconds another try may ' +
    'help; `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` how far a limit is.',
  'Beside this, `/log/checkpoint` and `/log/tile/…` serve the transparency log as C2SP tlog-tiles has it.',
].join('\n\n')

/** Makes `app.swagger()` the whole document of the API, OpenAPI 3.1. It comes before all routes. */
export async function installOpenApi(app: FastifyInstance, cookie: string): Promise<void> {
  const toJsonSchema = createJsonSchemaTransform({ zodToJsonConfig: { override: describeBigint } })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hanse settlement',
        version: '1',
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'the service that this document comes from' }],
      components: { securitySchemes: securitySchemes(cookie) as never },
    },
    transform: (given) => {
      const { schema, url } = toJsonSchema(given)
      const notes = accessNotes(url, given.route.config ?? {})
      return { url, schema: { ...schema, ...notes } as typeof schema }
    },
    transformObject: (given) =>
      'openapiObject' in given
        ? (completeDocument(given.openapiObject as unknown as Document) as never)
        : given.swaggerObject,
  })
}

/** JSON has no bigint: ours leave as decimal digits. */
function describeBigint({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: { _zod: { def: { type: string } } }
  jsonSchema: object
}): void {
  if (zodSchema._zod.def.type !== 'bigint') return
  Object.assign(jsonSchema, { type: 'string', pattern: '^-?\\d+$' })
}
