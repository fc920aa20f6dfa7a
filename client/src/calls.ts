import type { Client, ClientPathsWithMethod, FetchResponse, MaybeOptionalInit } from 'openapi-fetch'
import type { PAGES } from './routes.ts'
import type { paths } from './schema.ts'

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** Paths that have this method. */
export type PathOf<Method extends HttpMethod> = ClientPathsWithMethod<Client<paths>, Method>

/** Parameters, body, headers and signal of a request. */
type Init<Path extends keyof paths, Method extends HttpMethod> = MaybeOptionalInit<
  paths[Path],
  Method & keyof paths[Path]
>

/** Left out where nothing in it is needed. */
export type Rest<Given> = undefined extends Given ? [init?: Given] : [init: Given]

type Operation<Path extends keyof paths, Method extends HttpMethod> = paths[Path][Method &
  keyof paths[Path]] extends infer Found extends Record<string | number, unknown>
  ? Found
  : never

/** What a route answers: `Answer<'/v1/budgets', 'get'>`. */
export type Answer<Path extends keyof paths, Method extends HttpMethod, Given = unknown> = Exclude<
  FetchResponse<Operation<Path, Method>, Given, `${string}/${string}`>['data'],
  undefined
>

/** What a route takes: `Body<'/v1/budgets', 'post'>`. */
export type Body<Path extends keyof paths, Method extends HttpMethod> =
  Operation<Path, Method> extends {
    readonly requestBody?: { readonly content: { readonly 'application/json': infer Json } }
  }
    ? Json
    : never

export type Call<Method extends HttpMethod> = <
  Path extends PathOf<Method>,
  Given extends Init<Path, Method>,
>(
  path: Path,
  ...init: Rest<Given>
) => Promise<Answer<Path, Method, Given>>

/** Lists that have pages. */
export type PagedPath = keyof typeof PAGES & PathOf<'get'>

export type Row<Path extends PagedPath> = Answer<Path, 'get'>[(typeof PAGES)[Path][1] &
  keyof Answer<Path, 'get'>] extends readonly (infer One)[]
  ? One
  : never

export type Pages = <Path extends PagedPath, Given extends Init<Path, 'get'>>(
  path: Path,
  ...init: Rest<Given>
) => AsyncGenerator<Answer<Path, 'get'>, void, undefined>

export type Rows = <Path extends PagedPath, Given extends Init<Path, 'get'>>(
  path: Path,
  ...init: Rest<Given>
) => AsyncGenerator<Row<Path>, void, undefined>
