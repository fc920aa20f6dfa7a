import type { Permission } from '../../access/permissions.ts'
import type { Caller } from '../route-access.ts'

// As much of OpenAPI 3.1 as this document uses.

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header' | 'cookie'
  readonly required?: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

export interface Reference {
  readonly $ref: string
}

export interface MediaType {
  readonly schema: JsonSchema
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

export interface Answer {
  readonly description: string
  readonly headers?: Readonly<Record<string, Reference | { readonly schema: JsonSchema }>>
  readonly content?: Readonly<Record<string, MediaType>>
}

export interface RequestBody {
  readonly required?: boolean
  readonly description?: string
  readonly content: Readonly<Record<string, MediaType>>
}

export interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly (Parameter | Reference)[]
  readonly requestBody?: RequestBody
  readonly responses: Readonly<Record<string, Answer | Reference>>
  /** What a member's role, or a key's scopes, must allow. */
  readonly 'x-permissions'?: readonly Permission[]
  /** Whose route it is, where it is not an organization's. */
  readonly 'x-caller'?: Caller
  /** Besides the permission: not for keys, or for owners alone. */
  readonly 'x-people'?: 'members' | 'owners'
  /** Also for who has had the processing of their data restricted. */
  readonly 'x-while-restricted'?: true
  readonly 'x-pages'?: Pages
}

/** How a list goes on: `next` of an answer is the cursor of the next request. */
export interface Pages {
  readonly cursor: 'after' | 'before'
  /** The member of the answer that has the rows. */
  readonly items: string
}

/** `GET /v1/budgets/{id}`. */
export type RouteName = `${string} ${string}`

export interface Document {
  readonly openapi: string
  readonly info: Readonly<Record<string, unknown>>
  readonly servers?: readonly unknown[]
  readonly tags?: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
