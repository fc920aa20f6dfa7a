import type { FastifyContextConfig } from 'fastify'
import { permissionsOf } from '../route-access.ts'
import type { Operation } from './openapi-types.ts'

type Security = NonNullable<Operation['security']>

/** How somebody shows who they are. */
export const securitySchemes = (cookie: string) => ({
  key: { type: 'http', scheme: 'bearer', description: 'An organization’s API key' },
  session: { type: 'apiKey', in: 'cookie', name: cookie, description: 'A person who is signed in' },
  operator: { type: 'http', scheme: 'bearer', description: 'An operator’s token' },
  directory: { type: 'http', scheme: 'bearer', description: 'The token of a directory (SCIM)' },
  node: {
    type: 'apiKey',
    in: 'header',
    name: 'signature',
    description:
      'A node’s signature of the request (RFC 9421), with signature-input and content-digest',
  },
})

const KEY_OR_PERSON: Security = [{ key: [] }, { session: [] }]
const PERSON: Security = [{ session: [] }]

/** Nodes that sign the request; others of them sign what they send, and Stripe its events. */
const SIGNED_REQUEST =
  /^\/v1\/(?:provider\/|gdpr\/deletions$|session-notes$|attestations(?:$|\/(?:self|challenges))|providers\/self\/(?!releases))/u

/** Who may call a route, by what the route itself asks for. */
export function accessNotes(url: string, config: FastifyContextConfig) {
  const permissions = permissionsOf(config)
  const { access, people, whileRestricted } = config
  return {
    security: securityOf(url, config),
    ...(permissions.length > 0 && { 'x-permissions': permissions }),
    ...(access !== undefined && { 'x-caller': access }),
    ...(people !== undefined && { 'x-people': people }),
    ...(whileRestricted !== undefined && { 'x-while-restricted': whileRestricted }),
  }
}

function securityOf(url: string, { access, permission, people }: FastifyContextConfig): Security {
  // Both sides say that a node may spend.
  if (url === '/v1/consumers') return [{ key: [], node: [] }]
  if (permission !== undefined) return people === undefined ? KEY_OR_PERSON : PERSON
  if (access === 'person') return PERSON
  if (access === 'operator') return [{ operator: [] }, { session: [] }]
  if (access === 'directory') return [{ directory: [] }]
  return access === 'signed' && SIGNED_REQUEST.test(url) ? [{ node: [] }] : []
}
