import { PROMPT_BYTES_MAX } from '@hanse/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Consumer } from '../../consumer/consumer.ts'
import { type JsonObject, stringIn } from '../../engine/json.ts'
import { VERSION } from '../../version.ts'
import { callerOf } from '../caller.ts'
import {
  answer,
  embed,
  jsonOf,
  NDJSON,
  nameOf,
  type OllamaAnswerOptions,
  told,
} from './answering.ts'
import { chatBody } from './chat-body.ts'
import { generateBody } from './generate-body.ts'
import { findOffer, showOf, tagsOf } from './model-list.ts'

export interface OllamaRoutesOptions extends OllamaAnswerOptions {
  readonly consumer: Consumer
}

/** What changes the models of a machine; those of the market are their providers’. */
const OWNERS_ONLY = ['/api/create', '/api/copy', '/api/push', '/api/delete'] as const

/** Ollama's own API over the market, for tools that speak nothing else. */
export function registerOllama(app: FastifyInstance, options: OllamaRoutesOptions): void {
  const offersFor = async (request: FastifyRequest) => {
    const { mayUse } = callerOf(request)
    const { candidates } = await options.consumer.match()
    return mayUse === undefined ? candidates : candidates.filter(({ model }) => mayUse(model.id))
  }
  app.get('/', async (_request, reply) => await reply.type('text/plain').send('Ollama is running'))
  app.get('/api/version', async () => ({ version: VERSION }))
  app.get('/api/tags', async (request) => tagsOf(await offersFor(request)))
  app.get('/api/ps', async () => ({ models: [] }))
  app.post('/api/show', async (request, reply) => {
    await told(reply, async () => {
      const name = nameOf(jsonOf(request))
      const shown = showOf(await offersFor(request), name)
      await (shown === undefined ? reply.status(404).send(missing(name)) : reply.send(shown))
    })
  })
  app.post('/api/pull', async (request, reply) => {
    await told(reply, async () => {
      const name = nameOf(jsonOf(request))
      // What is on the market needs no pulling.
      if (findOffer(await offersFor(request), name) === undefined)
        await reply.status(404).send(missing(name))
      else await reply.type(NDJSON).send('{"status":"success"}\n')
    })
  })
  for (const url of OWNERS_ONLY)
    app.route({
      method: ['POST', 'DELETE'],
      url,
      handler: async (_request, reply) =>
        await reply.status(403).send({ error: 'the models of the market are their providers’' }),
    })
  const limit = { bodyLimit: PROMPT_BYTES_MAX }
  app.post('/api/chat', limit, async (request, reply) => {
    await told(reply, async () => {
      const asked = jsonOf(request)
      await answer(
        { shape: 'chat', kind: 'chat', asked, body: chatBody(asked) },
        request,
        reply,
        options,
      )
    })
  })
  app.post('/api/generate', limit, async (request, reply) => {
    await told(reply, async () => {
      const asked = jsonOf(request)
      // A request for nothing is how a model is loaded ahead of its use.
      if ((stringIn(asked, 'prompt') ?? '') === '') await reply.send(loaded(asked, options))
      else
        await answer({ shape: 'generate', asked, ...generateBody(asked) }, request, reply, options)
    })
  })
  app.post('/api/embed', limit, async (request, reply) => {
    await told(reply, async () => await embed('embed', request, reply, options))
  })
  app.post('/api/embeddings', limit, async (request, reply) => {
    await told(reply, async () => await embed('embeddings', request, reply, options))
  })
}

function missing(name: string): { error: string } {
  return { error: `model '${name.slice(0, 128)}' not found` }
}

function loaded(asked: JsonObject, { now }: OllamaAnswerOptions): JsonObject {
  return {
    model: nameOf(asked),
    created_at: new Date(now()).toISOString(),
    response: '',
    done: true,
    done_reason: 'load',
  }
}
