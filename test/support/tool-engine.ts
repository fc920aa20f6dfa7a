import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sendJson } from './engine-double.ts'

interface Asked {
  readonly input?: readonly string[]
  readonly messages?: readonly { readonly role: string; readonly content?: unknown }[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
}

export const CHAT = 'tool-chat'
export const EMBEDDING = 'tool-embed'
export const DIMENSIONS = 3

/**
 * An OpenAI-compatible engine with a model that calls the first tool it is given, with `{"city":"Paris"}`, and then repeats
 * in words what the tool said; and one whose embeddings are the lengths of the texts.
 */
export async function startToolEngine(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (request.url ?? '') {
    case '/v1/models':
      sendJson(response, 200, { object: 'list', data: [CHAT, EMBEDDING].map((id) => ({ id })) })
      return
    case '/v1/chat/completions':
      chat(response, await bodyOf(request))
      return
    case '/v1/embeddings':
      sendJson(response, 200, embeddings(await bodyOf(request)))
      return
    default:
      sendJson(response, 404, {})
  }
}

function chat(response: ServerResponse, body: Asked): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const head = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: CHAT }
  for (const [delta, finish_reason] of answerTo(body)) {
    const choices = [{ index: 0, delta, finish_reason }]
    response.write(`data: ${JSON.stringify({ ...head, choices })}\n\n`)
  }
  const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 }
  response.end(`data: ${JSON.stringify({ ...head, choices: [], usage })}\n\ndata: [DONE]\n\n`)
}

function embeddings({ input = [] }: Asked): object {
  const data = [input].flat().map((text, index) => ({
    object: 'embedding',
    index,
    embedding: Array.from({ length: DIMENSIONS }, () => text.length),
  }))
  return { object: 'list', model: EMBEDDING, data, usage: { prompt_tokens: 9, total_tokens: 9 } }
}

type Delta = readonly [delta: object, finishReason: string | null]

function answerTo({ messages = [], tools = [] }: Asked): readonly Delta[] {
  const last = messages.at(-1)
  const [tool] = tools
  if (tool === undefined || last?.role === 'tool') {
    const said = typeof last?.content === 'string' ? last.content : JSON.stringify(last?.content)
    return [
      [{ role: 'assistant', content: 'The tool said: ' }, null],
      [{ content: said }, null],
      [{}, 'stop'],
    ]
  }
  // Arguments come in pieces, as from a real engine.
  const call = { index: 0, id: 'call_1', type: 'function' }
  const part = (args: object) => ({ tool_calls: [args] })
  return [
    [{ role: 'assistant', content: null }, null],
    [part({ ...call, function: { name: tool.function.name, arguments: '{"city":' } }), null],
    [part({ index: 0, function: { arguments: '"Paris"}' } }), null],
    [{}, 'tool_calls'],
  ]
}

async function bodyOf(request: IncomingMessage): Promise<Asked> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return JSON.parse(Buffer.concat(parts).toString()) as Asked
}
