import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { PROMPT_BYTES_MAX } from '@hanse/protocol'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Answer } from '../consumer/answer.ts'
import type { Consumer } from '../consumer/consumer.ts'
import { parseChatRequest } from './chat-request.ts'
import { CompletionBuilder, isUsageChunk } from './completion.ts'
import { openAiError, toHanseError } from './openai-error.ts'

/** `POST /v1/chat/completions`, streamed and not. */
export function registerChat(app: FastifyInstance, consumer: Consumer): void {
  app.post('/v1/chat/completions', { bodyLimit: PROMPT_BYTES_MAX }, async (request, reply) => {
    const body = request.body as Buffer
    const parsed = parseChatRequest(body)
    const gone = new AbortController()
    // The one sign that a client gives up is that it closes its connection.
    reply.raw.once('close', () => {
      if (!reply.raw.writableEnded) gone.abort()
    })
    const { model, maxOutputTokens } = parsed
    const answer = await consumer.request(
      { kind: 'chat', model, maxOutputTokens, body, policy: {} },
      { signal: gone.signal },
    )
    request.log.info({ session: answer.session, provider: answer.provider }, 'answering')
    if (parsed.stream) await streamAnswer(reply, answer, parsed.includeUsage)
    else await sendAnswer(reply, answer)
  })
}

async function sendAnswer(reply: FastifyReply, answer: Answer): Promise<void> {
  const completion = new CompletionBuilder()
  for await (const payloads of answer.payloads)
    for (const payload of payloads) completion.add(payload)
  await reply.headers(answerHeaders(answer)).send(completion.build())
}

async function streamAnswer(
  reply: FastifyReply,
  answer: Answer,
  includeUsage: boolean,
): Promise<void> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    ...answerHeaders(answer),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  })
  try {
    for await (const payloads of answer.payloads) {
      const events = payloads.filter((payload) => includeUsage || !isUsageChunk(payload))
      await writeEvents(raw, events)
    }
    raw.end('data: [DONE]\n\n')
  } catch (error) {
    // Never a clean end without a finish chunk: clients would take the piece for the whole.
    raw.end(`data: ${JSON.stringify(openAiError(toHanseError(error)))}\n\n`)
  }
}

/** All events of a tick in one write, each chunk byte for byte as the engine made it. */
async function writeEvents(raw: ServerResponse, events: readonly Uint8Array[]): Promise<void> {
  if (events.length === 0 || raw.destroyed) return
  const parts = events.flatMap((payload) => [DATA, payload, END])
  if (raw.write(Buffer.concat(parts))) return
  await Promise.race([once(raw, 'drain'), once(raw, 'close')])
}

const DATA = Buffer.from('data: ')
const END = Buffer.from('\n\n')

/** Who answered, from where, at what price, and where the proof will be. */
function answerHeaders(answer: Answer): Record<string, string> {
  return {
    'x-hanse-session': answer.session,
    'x-hanse-provider': answer.provider,
    'x-hanse-country': answer.country,
    'x-hanse-model': answer.model,
    'x-hanse-input-price': answer.inputPrice.toString(),
    'x-hanse-output-price': answer.outputPrice.toString(),
    'x-hanse-bundle': `/hanse/v1/bundles/${answer.session}`,
  }
}
