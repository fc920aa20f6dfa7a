import { STATUS_CODES } from 'node:http'
import { ORGANIZATION_HEADER } from '../../access/membership.ts'
import { RAW_ANSWERS, RAW_BODIES } from './bodies.ts'
import { EXAMPLES } from './examples.ts'
import { IDEMPOTENCY_KEY, MOVES_MONEY } from './idempotency.ts'
import type { Answer, Document, Operation, Parameter, RouteName } from './openapi-types.ts'
import { operationIdOf, summaryOf } from './operation-id.ts'
import { describePage, pagesOf } from './pages.ts'
import {
  PROBLEM_SCHEMA,
  problemAnswers,
  RETRY_AFTER,
  SCIM_ERROR_SCHEMA,
  SHARED_ANSWERS,
} from './problems.ts'
import { TAGS, tagOf } from './tags.ts'

const ORGANIZATION: Parameter = {
  name: ORGANIZATION_HEADER,
  in: 'header',
  required: false,
  description:
    'Which organization a person acts in, where they are in several. A key is of one organization, and needs none.',
  schema: { type: 'string', maxLength: 64 },
}

/** Adds to what the routes say of themselves what holds for all of them, so that no route has to repeat it. */
export function completeDocument(document: Document): Document {
  const paths = Object.entries(document.paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(
      ([method, operation]) => [method, completed(method.toUpperCase(), path, operation)] as const,
    )
    return [path, Object.fromEntries(operations)] as const
  })
  return {
    ...document,
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(paths),
    components: {
      ...document.components,
      schemas: {
        ...document.components?.schemas,
        Problem: PROBLEM_SCHEMA,
        ScimError: SCIM_ERROR_SCHEMA,
      },
      headers: { RetryAfter: RETRY_AFTER },
      responses: SHARED_ANSWERS,
    },
  }
}

function completed(method: string, path: string, given: Operation): Operation {
  const name: RouteName = `${method} ${path}`
  const pages = pagesOf(given)
  const tag = tagOf(path)
  const { responses, parameters: _parameters, requestBody = RAW_BODIES[name], ...rest } = given
  const parameters = parametersOf(name, given, pages)
  const operation: Operation = {
    operationId: operationIdOf(method, path),
    tags: tag === undefined ? [] : [tag],
    summary: summaryOf(method, path),
    ...rest,
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody !== undefined && { requestBody: withExample(name, requestBody) }),
    ...(pages !== undefined && { 'x-pages': pages }),
    responses: {},
  }
  return {
    ...operation,
    responses: { ...successes(name, responses), ...problemAnswers(name, operation) },
  }
}

function parametersOf(
  name: RouteName,
  { parameters = [], security = [] }: Operation,
  pages: ReturnType<typeof pagesOf>,
): NonNullable<Operation['parameters']> {
  const ofOrganization = security.some((one) => 'session' in one) && !ofPerson(name)
  return [
    ...parameters.map((one) => ('name' in one ? describePage(one, pages) : one)),
    ...(MOVES_MONEY.has(name) ? [IDEMPOTENCY_KEY] : []),
    ...(ofOrganization ? [ORGANIZATION] : []),
  ]
}

/** About somebody's own account, in no organization. */
const ofPerson = (name: RouteName): boolean =>
  /^\w+ \/v1\/(?:account|sign-out|organizations)/u.test(name)

function successes(name: RouteName, responses: Operation['responses']): Operation['responses'] {
  const answers = Object.entries(RAW_ANSWERS[name] ?? responses)
  return Object.fromEntries(
    answers.map(([status, answer]) => [
      status,
      '$ref' in answer ? answer : told(name, status, answer),
    ]),
  )
}

/** What the plugin says of an answer that nobody described. */
const NOTHING_SAID = 'Default Response'

function told(name: RouteName, status: string, answer: Answer): Answer {
  const { description } = answer
  const example = EXAMPLES[name]?.answer
  const json = answer.content?.['application/json']
  return {
    ...answer,
    description: description === NOTHING_SAID ? (STATUS_CODES[status] ?? 'Done') : description,
    ...(json !== undefined &&
      example !== undefined && {
        content: { ...answer.content, 'application/json': { ...json, example } },
      }),
  }
}

function withExample(
  name: RouteName,
  body: NonNullable<Operation['requestBody']>,
): NonNullable<Operation['requestBody']> {
  const example = EXAMPLES[name]?.body
  const json = body.content['application/json']
  if (example === undefined || json === undefined) return body
  return { ...body, content: { ...body.content, 'application/json': { ...json, example } } }
}
