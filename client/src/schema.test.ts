import { createRequire } from 'node:module'
import { openApiDocument } from '@hanse/settlement'
import { expect, test } from 'vitest'

interface Linter {
  readonly createConfig: (config: { extends: string[] }) => Promise<unknown>
  readonly lintFromString: (given: {
    source: string
    config: unknown
  }) => Promise<
    readonly { ruleId: string; message: string; location: readonly { pointer: string }[] }[]
  >
}

// What the types are made with brings the linter; of its own, nothing here depends on it.
const generator = createRequire(import.meta.resolve('openapi-typescript'))
const { createConfig, lintFromString } = generator('@redocly/openapi-core') as Linter

async function lint(document: object): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`,
  )
}

test('the document of the API is good OpenAPI 3.1', async () => {
  const document = await openApiDocument()
  expect(document.openapi).toBe('3.1.0')
  expect(await lint(document)).toEqual([])
})

test('the linter finds what is wrong', async () => {
  const { info: _info, ...document } = await openApiDocument()
  expect(await lint(document)).toContainEqual(expect.stringContaining('struct: The field `info`'))
})
