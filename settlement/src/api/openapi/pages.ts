import type { JsonSchema, Operation, Pages, Parameter } from './openapi-types.ts'

const CURSORS = ['after', 'before'] as const

/** How the list that an operation answers with goes on; undefined where there are no pages. */
export function pagesOf({ parameters = [], responses }: Operation): Pages | undefined {
  const cursor = CURSORS.find((name) =>
    parameters.some((one) => 'name' in one && one.name === name),
  )
  const members = membersOf(responses['200'])
  const items = Object.entries(members).find(([, { type }]) => type === 'array')?.[0]
  if (cursor === undefined || items === undefined || members.next === undefined) return undefined
  return { cursor, items }
}

function membersOf(answer: Operation['responses'][string] | undefined): Record<string, JsonSchema> {
  const content = answer !== undefined && 'content' in answer ? answer.content : undefined
  const schema = content?.['application/json']?.schema
  return (schema?.properties ?? {}) as Record<string, JsonSchema>
}

/** What the parameters of pages mean, where the route does not say. */
export function describePage(parameter: Parameter, pages: Pages | undefined): Parameter {
  if (pages === undefined || parameter.description !== undefined) return parameter
  const { name } = parameter
  if (name === 'limit') return { ...parameter, description: 'rows of a page, at most' }
  if (name !== pages.cursor) return parameter
  return {
    ...parameter,
    description: 'the `next` of the page before; without it, the list begins',
  }
}
