import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { ScimUser } from './scim-store.ts'

// RFC 7643 and RFC 7644, as far as directories use them to let people in and out.

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
export const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error'
export const CONFIG_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'
export const SCIM_TYPE = 'application/scim+json'
/** What a directory asks for at once. */
export const SCIM_PAGE_MAX = 200

const PATTERN = /^hanse_scim_[\w-]{43}$/u

export const isScimToken = (token: string): boolean => PATTERN.test(token)

export function newScimToken(): { token: string; hash: Uint8Array } {
  const token = `hanse_scim_${randomBytes(32).toString('base64url')}`
  return { token, hash: hashScimToken(token) }
}

export const hashScimToken = (token: string): Uint8Array =>
  Uint8Array.from(createHash('sha256').update(token).digest())

/** Microsoft Entra sends "True" and "False". */
const active = z.union([
  z.boolean(),
  z
    .string()
    .regex(/^(?:true|false)$/iu)
    .transform((text) => text.toLowerCase() === 'true'),
])
const externalId = z.string().min(1).max(255).nullable()

/** What else directories send about a person is not kept. */
export const userBody = z.object({
  userName: z
    .email()
    .max(254)
    .transform((text) => text.toLowerCase()),
  externalId: externalId.optional(),
  active: active.default(true),
  displayName: z.string().max(200).optional(),
})

/** Entra sends a hundred members of a group one by one. */
const OPERATIONS_MAX = 200

export const patchBody = z.object({
  Operations: z
    .array(
      z.object({
        op: z.string().max(10),
        path: z.string().max(200).optional(),
        value: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(OPERATIONS_MAX),
})

const values = z.object({ active: active.optional(), externalId: externalId.optional() })

/**
 * What the operations of a PATCH come to, of what is kept; attributes that are not, are passed over.
 *
 * @returns undefined when an operation is none, or its value is wrong
 */
export function patched({
  Operations,
}: z.output<typeof patchBody>): z.output<typeof values> | undefined {
  const result: Record<string, unknown> = {}
  for (const { op, path, value } of Operations) {
    const verb = op.toLowerCase()
    if (verb === 'remove' && path === 'externalId') result.externalId = null
    else if (verb === 'replace' || verb === 'add') {
      const read = values.safeParse(path === undefined ? value : { [path]: value })
      if (!read.success) return undefined
      Object.assign(result, read.data)
    } else if (verb !== 'remove') return undefined
  }
  return values.parse(result)
}

/** What `filter=userName eq "…"` asks for, of this attribute; undefined for a filter of another kind. */
export function filtered(filter: string, attribute: string): string | undefined {
  const [, name = '', quoted] = /^\s*(\w+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/iu.exec(filter) ?? []
  if (quoted === undefined || name.toLowerCase() !== attribute.toLowerCase()) return undefined
  try {
    return z.string().parse(JSON.parse(quoted))
  } catch {
    return undefined
  }
}

export const toScim = (user: ScimUser, baseUrl: string) => ({
  schemas: [USER_SCHEMA],
  id: user.id,
  ...(user.externalId !== null && { externalId: user.externalId }),
  userName: user.userName,
  ...(user.name !== '' && { displayName: user.name }),
  emails: [{ value: user.userName, primary: true }],
  active: user.active,
  meta: {
    resourceType: 'User',
    created: new Date(user.createdAt).toISOString(),
    lastModified: new Date(user.updatedAt).toISOString(),
    location: `${baseUrl}/scim/v2/Users/${user.id}`,
  },
})

/** What a directory may expect here. */
export const SERVICE_PROVIDER_CONFIG = {
  schemas: [CONFIG_SCHEMA],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: SCIM_PAGE_MAX },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: false },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'The token of the organization',
      primary: true,
    },
  ],
}
