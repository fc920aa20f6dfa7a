import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How the bytes of a stream are cut on their way: TCP promises nothing about where. */
export const CUTS = ['whole', 'bytes', 'odd', 'lines', 'crlf'] as const
export type Cut = (typeof CUTS)[number]

export interface WireReplay extends AsyncDisposable {
  /** Up to and with `/v1`. */
  readonly baseUrl: string
  cut: Cut
  /** What was asked, newest last. */
  readonly asked: Readonly<Record<string, unknown>>[]
  /** Answers that run now. */
  running: number
}

const FOLDER = join(import.meta.dirname, 'recordings')
const MODELS = ['gpt-wire', 'text-embedding-wire']
const STATUS: Readonly<Record<string, number>> = {
  context: 400,
  invalid: 400,
  overloaded: 503,
  embedding: 200,
}

/**
 * An OpenAI-compatible server that plays wire traffic in the form in which OpenAI's own sends it: the last user message (or
 * the prompt, or the input) names the recording. `forever` never ends, for tests that abort.
 */
export async function openWireReplay(): Promise<WireReplay> {
  const replay = { cut: 'whole' as Cut, asked: [] as Record<string, unknown>[], running: 0 }
  const server = createServer((request, response) => {
    void answer(request, response, replay).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return Object.assign(replay, {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  replay: Pick<WireReplay, 'cut' | 'running'> & { asked: Record<string, unknown>[] },
): Promise<void> {
  if (request.method === 'GET') {
    json(response, 200, { object: 'list', data: MODELS.map((id) => ({ id, object: 'model' })) })
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
  replay.asked.push(body)
  const name = nameOf(body)
  replay.running++
  response.once('close', () => {
    replay.running--
  })
  const status = STATUS[name]
  if (status !== undefined) {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(readFileSync(join(FOLDER, `${name}.json`)))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  if (name === 'forever') await playForever(response)
  else await play(response, readFileSync(join(FOLDER, `${name}.sse`)), replay.cut)
}

async function play(response: ServerResponse, recording: Buffer, cut: Cut): Promise<void> {
  for (const piece of piecesOf(recording, cut)) {
    response.write(piece)
    await nextTurn()
  }
  response.end()
}

function* piecesOf(recording: Buffer, cut: Cut): Generator<Buffer> {
  if (cut === 'whole') yield recording
  else if (cut === 'crlf') yield Buffer.from(recording.toString('utf8').replaceAll('\n', '\r\n'))
  else if (cut === 'lines') {
    for (const line of recording.toString('utf8').split(/(?<=\n)/u)) yield Buffer.from(line)
  } else {
    // Through characters, events and their ends; byte by byte only at the beginning, which is slow enough.
    const length = (at: number) => (cut === 'bytes' && at < 400 ? 1 : 7 + ((at * 31) % 97))
    for (let at = 0; at < recording.length; at += length(at))
      yield recording.subarray(at, at + length(at))
  }
}

async function playForever(response: ServerResponse): Promise<void> {
  const [head = '', first = ''] = readFileSync(join(FOLDER, 'chat.sse'), 'utf8').split('\n\n')
  response.write(`${head}\n\n`)
  while (!response.destroyed) {
    response.write(`${first}\n\n`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function nameOf({ messages, prompt, input }: Record<string, unknown>): string {
  if (input !== undefined) return 'embedding'
  if (prompt !== undefined) return 'completion'
  const list = messages as readonly { readonly role: string; readonly content: unknown }[]
  const content = list.findLast(({ role }) => role === 'user')?.content
  const text = Array.isArray(content)
    ? (content as { text?: string }[]).map((part) => part.text ?? '').join('')
    : String(content)
  return /[a-z]+/u.exec(text)?.[0] ?? 'chat'
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
