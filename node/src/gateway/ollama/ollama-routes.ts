import { HanseError, PROMPT_BYTES_MAX } from '@hanse/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Consumer } from '../../consumer/consumer.ts'
import { type JsonObject, stringIn } from '../../engine/json.ts'
import { VERSION } from '../../version.ts'
import { callerOf } from '../caller.ts'
import { foreseen } from '../error-handler.ts'
import {
  answer,
  embed,
  jsonOf,
  NDJSON,
  nameOf,
  type OllamaAnswerOptions,
  refuse,
} from './answering.ts'
import { chatBody } from './chat-body.ts'
import { generateBody } from './generate-body.ts'
import { findOffer, namesOf, type Offers, showOf, tagsOf } from './model-list.ts'

export interface OllamaRoutesOptions extends OllamaAnswerOptions {
  readonly consumer: Consumer
}

/** What changes the models of a machine; those of the market are their providers’. */
const OWNERS_ONLY = ['/api/create', '/api/copy', '/api/push', '/api/delete'] as const

/** The release of Ollama whose API this is: clients refuse those that seem older than what they use. */
const API_VERSION = '0.9.0'

/** Ollama's own API over the market, for tools that speak nothing else. */
export async function registerOllama(
  app: FastifyInstance,
  options: OllamaRoutesOptions,
): Promise<void> {
  app.get('/', async (_request, reply) => await reply.type('text/plain').send('Ollama is running'))
  await app.register(async (api) => {
    readAnyType(api)
    api.setErrorHandler(async (error, request, reply) => {
      await refuse(reply, foreseen(error, request))
    })
    registerLists(api, options)
    registerAnswers(api, options)
  })
}

/** `curl -d` and others send JSON as a form. A page of another origin could do so, too: it is told apart by its `origin`. */
function readAnyType(api: FastifyInstance): void {
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    if (request.headers.origin === undefined) done(null, body)
    else done(new HanseError('HANSE_REQUEST_JSON', 'the body is not application/json'))
  })
}

function registerLists(api: FastifyInstance, { consumer }: OllamaRoutesOptions): void {
  const offersFor = async (request: FastifyRequest) => await offersTo(request, consumer)
  api.get('/api/version', async () => ({ version: API_VERSION, hanse: VERSION }))
  api.get('/api/tags', async (request) => tagsOf(await offersFor(request)))
  api.get('/api/ps', async () => ({ models: [] }))
  api.post('/api/show', async (request, reply) => {
    const name = nameOf(jsonOf(request))
    const shown = showOf(await offersFor(request), name)
    if (shown === undefined) await refuseUnknown(reply, name)
    else await reply.send(shown)
  })
  api.post('/api/pull', async (request, reply) => {
    const asked = jsonOf(request)
    // What is on the market needs no pulling.
    if (findOffer(await offersFor(request), nameOf(asked)) === undefined)
      await refuseUnknown(reply, nameOf(asked))
    else if (asked.stream === false) await reply.send({ status: 'success' })
    else await reply.type(NDJSON).send('{"status":"success"}\n')
  })
  for (const url of OWNERS_ONLY)
    api.route({
      method: ['POST', 'DELETE'],
      url,
      handler: async (_request, reply) =>
        await reply.status(403).send({ error: 'the models of the market are their providers’' }),
    })
}

function registerAnswers(api: FastifyInstance, options: OllamaRoutesOptions): void {
  const { consumer, now } = options
  const limit = { bodyLimit: PROMPT_BYTES_MAX }
  api.post('/api/chat', limit, async (request, reply) => {
    const asked = jsonOf(request)
    if (Array.isArray(asked.messages) && asked.messages.length === 0) {
      const message = { role: 'assistant', content: '' }
      await load(asked, { message }, request, reply, options)
      return
    }
    const body = { ...chatBody(asked), model: await nameOnOffer(asked, request, consumer) }
    await answer({ shape: 'chat', kind: 'chat', asked, body }, request, reply, options)
  })
  api.post('/api/generate', limit, async (request, reply) => {
    const asked = jsonOf(request)
    if ((stringIn(asked, 'prompt') ?? '') === '') {
      await load(asked, { response: '' }, request, reply, { consumer, now })
      return
    }
    const { kind, body } = generateBody(asked)
    const named = { ...body, model: await nameOnOffer(asked, request, consumer) }
    await answer({ shape: 'generate', kind, asked, body: named }, request, reply, options)
  })
  for (const shape of ['embed', 'embeddings'] as const)
    api.post(`/api/${shape}`, limit, async (request, reply) => {
      const name = await nameOnOffer(jsonOf(request), request, consumer)
      await embed(shape, name, request, reply, options)
    })
}

async function offersTo(request: FastifyRequest, consumer: Consumer): Promise<Offers> {
  const { mayUse } = callerOf(request)
  const { candidates } = await consumer.match()
  return mayUse === undefined ? candidates : candidates.filter(({ model }) => mayUse(model.id))
}

/** Only where clients may have added `:latest` to it the market has to be asked. */
async function nameOnOffer(
  asked: JsonObject,
  request: FastifyRequest,
  consumer: Consumer,
): Promise<string> {
  const name = nameOf(asked)
  if (namesOf(name).length === 1) return name
  return findOffer(await offersTo(request, consumer), name)?.model.id ?? name
}

/** A request for nothing is how a model is loaded ahead of its use, or, to be kept for no time, unloaded. */
async function load(
  asked: JsonObject,
  nothing: JsonObject,
  request: FastifyRequest,
  reply: FastifyReply,
  { consumer, now }: Pick<OllamaRoutesOptions, 'consumer' | 'now'>,
): Promise<void> {
  const model = nameOf(asked)
  if (findOffer(await offersTo(request, consumer), model) === undefined) {
    await refuseUnknown(reply, model)
    return
  }
  const done = { done: true, done_reason: asked.keep_alive === 0 ? 'unload' : 'load' }
  await reply.send({ model, created_at: new Date(now()).toISOString(), ...nothing, ...done })
}

async function refuseUnknown(reply: FastifyReply, name: string): Promise<void> {
  await reply.status(404).send({ error: `model '${name.slice(0, 128)}' not found` })
}
