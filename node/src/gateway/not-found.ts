import { HanseError } from '@hanse/protocol'
import type { FastifyInstance } from 'fastify'
import { errorResponse } from '../openai/index.ts'
import { pathOf } from './caller.ts'
import { refuse } from './ollama/answering.ts'

/** Where clients look for what is elsewhere, or is not there. */
const HINTS: Readonly<Record<string, string>> = {
  '/v1/responses': 'the Responses API is not offered: use POST /v1/chat/completions',
  '/v1/messages': 'Anthropic’s API is not offered: use POST /v1/chat/completions',
  '/chat/completions': 'the base URL ends with /v1: use POST /v1/chat/completions',
  '/completions': 'the base URL ends with /v1: use POST /v1/completions',
  '/embeddings': 'the base URL ends with /v1: use POST /v1/embeddings',
  '/models': 'the base URL ends with /v1: use GET /v1/models',
}

const PATH_CHARS_MAX = 200

/** What is not there, in OpenAI's words (in Ollama's below /api): another method is told which ones there are. Call it before routes are added. */
export function answerUnknown(app: FastifyInstance): void {
  const routes: { readonly path: RegExp; readonly method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const path = patternOf(url)
    for (const each of [method].flat()) routes.push({ path, method: each })
  })
  app.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request)
    const allowed = routes.filter((route) => route.path.test(path)).map(({ method }) => method)
    const response = errorResponse(
      faultOf(request.method, path, allowed),
      allowed.length === 0 ? {} : { allow: [...new Set(allowed)].join(', ') },
    )
    if (path.startsWith('/api/')) {
      await refuse(reply, response)
      return reply
    }
    const { status, headers, body } = response
    return await reply.status(status).headers(headers).send(body)
  })
}

function faultOf(method: string, path: string, allowed: readonly string[]): HanseError {
  const what = `${method} ${path.slice(0, PATH_CHARS_MAX)}`
  if (allowed.length > 0) {
    return new HanseError('HANSE_METHOD_NOT_ALLOWED', `${what}: only ${allowed.join(', ')}`)
  }
  const hint = Object.entries(HINTS).find(
    ([start]) => path === start || path.startsWith(`${start}/`),
  )
  return new HanseError(
    'HANSE_NOT_FOUND',
    hint === undefined ? `${what} does not exist` : `${what}: ${hint[1]}`,
  )
}

/** A route's pattern: `:name` is one part of a path, `*` all the rest. */
function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => {
      if (part === '*') return '.*'
      return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[^\w-]/gu, '\\$&')
    })
    .join('/')
  return new RegExp(`^${source}$`, 'u')
}
